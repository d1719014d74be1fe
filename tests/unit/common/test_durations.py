from datetime import timedelta

import pytest
from procstream_common.durations import Duration, flink_duration, parse_duration
from pydantic import BaseModel, ValidationError


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [
        ("500 ms", 500),
        ("60 s", 60_000),
        ("60s", 60_000),
        ("1 min", 60_000),
        (" 2m ", 120_000),
        ("1.5 h", 5_400_000),
        ("1 d", 86_400_000),
        (timedelta(seconds=1), 1000),
    ],
)
def test_a_number_and_a_unit(written: object, milliseconds: int) -> None:
    assert parse_duration(written) == timedelta(milliseconds=milliseconds)
    assert flink_duration(parse_duration(written)) == f"{milliseconds} ms"


@pytest.mark.parametrize(
    "written", ["60", "s", "-1 s", "0 s", "0.1 ms", "1 week", "1 s 2", "1\n2 s", 60, None]
)
def test_anything_else_is_no_duration(written: object) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(written)


def test_a_unit_and_a_shortest_may_be_given() -> None:
    assert parse_duration("90", default_unit="s") == timedelta(seconds=90)
    assert parse_duration("90 ms", default_unit="s") == timedelta(milliseconds=90)
    assert parse_duration("0 s", at_least=timedelta()) == timedelta()
    with pytest.raises(ValueError, match="expected a duration of 1000 ms or more"):
        parse_duration("999 ms", at_least=timedelta(seconds=1))


class Model(BaseModel):
    wait: Duration = timedelta(minutes=1)


@pytest.mark.parametrize("written", ["60 s", "500 ms", "1 min", "90 s"])
def test_a_field_is_read_from_what_it_is_written_as(written: str) -> None:
    model = Model(wait=written)  # type: ignore[arg-type]
    assert Model.model_validate_json(model.model_dump_json()) == model
    with pytest.raises(ValidationError):
        Model(wait="1 week")  # type: ignore[arg-type]
