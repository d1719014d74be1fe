from io import StringIO

import pytest
from procstream_lineage import findings, render, summary
from procstream_lineage.report import Report, percent
from rich.console import Console

from tests.unit.lineage.synthetic_lake import SyntheticLake, topic


def text(report: Report, width: int = 80) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(render(report))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_large_numbers_fit_into_80_columns(lake: SyntheticLake) -> None:
    start = 12_345_678_901
    lake.write(1, {partition: range(start, start + 5) for partition in range(10)})
    shown = text(lake.verify(topic(*[start + 5] * 10, start=start)))
    assert str(start + 5) in shown
    assert "…" not in shown
    assert len(shown.splitlines()) == 13


def test_of_many_partitions_only_those_with_something_wrong_are_shown(lake: SyntheticLake) -> None:
    lake.write(1, {partition: range(10) for partition in range(100) if partition != 77})
    report = lake.verify(topic(*[10] * 100))
    rows = text(report).splitlines()
    assert rows[2].split()[0] == "77"
    assert rows[3].split()[0] == "all"


def test_partitions_of_two_topics_carry_the_topic(lake: SyntheticLake) -> None:
    lake.write(1, {"orders/0": range(10), "returns/0": range(5)})
    shown = text(lake.verify({**topic(10), **topic(5, name="returns")}))
    assert "orders/0" in shown
    assert "returns/0" in shown


@pytest.mark.parametrize(
    ("share", "text"),
    [
        *[(0.0, "0 %"), (1.0, "100 %"), (0.399703, "39.97 %"), (0.001, "0.1 %"), (0.5, "50 %")],
        *[(0.0000015, "0.00015 %"), (0.99999, "99.999 %"), (0.1, "10 %")],
    ],
)
def test_a_share_is_never_rounded_to_none_or_all(share: float, text: str) -> None:
    assert percent(share) == text


def test_the_summary_names_other_faults_only_if_there_are_any(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(10)}, row_checkpoint=4)
    report = lake.verify(topic(10), deep=True)
    assert summary(report, "demo") == (
        "demo: produced=10 committed=10 dropped=0 missing=0 doubled=0 unlogged=0 mismatched=10"
    )
    assert any("rows are not of checkpoint 1" in line for line in findings(report))
