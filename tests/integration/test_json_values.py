"""JSON values on their way into Parquet and into a topic: as sent, or a dead letter with the reason."""

import json
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest
from procstream_lineage import Report, Verdict, committed_files

from tests.integration import flink, lake_files, records
from tests.integration.running import RunningPipeline, RunPipeline
from tests.integration.topics import MakeTopic
from tests.integration.waiting import until

COLUMNS = {
    "id": "STRING",
    "paid": "BOOLEAN",
    "qty": "INT",
    "n": "BIGINT",
    "rate": "DOUBLE",
    "amount": "DECIMAL(10, 2)",
    "text": "STRING",
    "qtys": "ARRAY<INT>",
    "counts": "MAP<STRING, BIGINT>",
    "item": "ROW<qty INT, price DECIMAL(10, 2)>",
    "at": "TIMESTAMP(3)",
    "sent": "TIMESTAMP_LTZ(3)",
}
AT = '"at": 1767225600000'  # the file says that it is a number

TAKEN: dict[str, Any] = {
    '"paid": true': True,
    '"qty": 3.0': 3,
    '"qty": "3"': 3,
    '"n": 9007199254740993.0': 9007199254740993,
    '"rate": 9007199254740993': 9007199254740992.0,
    '"amount": 12.5': Decimal("12.50"),
    '"amount": "99999999.99"': Decimal("99999999.99"),
    '"text": {"k": 1.10, "b": [-0, 1e400]}': '{"k": 1.10, "b": [-0, 1e400]}',
    '"text": 1.10': "1.10",
    '"text": "\\u00e9\\ud83d\\ude00"': "é😀",
    '"qtys": [1, null, 2]': [1, None, 2],
    '"counts": {"a": 9007199254740993}': [("a", 9007199254740993)],
    '"item": {"price": 1.1, "qty": 7, "more": [[]]}': {"qty": 7, "price": Decimal("1.10")},
    '"x": [[[{"paid": 1, "paid": 2}]]], "qty": 1': 1,
    '"qty": null': None,
}
REFUSED = {
    '"amount": 12345678901.5': "amount: found 12345678901.5, expected a number with at most 8 digits before",
    '"amount": "123456789012"': 'amount: found "123456789012", expected a number with at most 8 digits',
    '"amount": 99999999.995': "amount: found 99999999.995, expected a number with at most 8 digits before",
    '"amount": 1.239': "amount: found 1.239, expected a number with at most 8 digits before and 2 after",
    '"paid": 1': "paid: found 1, expected true or false",
    '"paid": "yes"': 'paid: found "yes", expected true or false',
    '"paid": {}': "paid: found {}, expected true or false",
    '"paid": ["id"]': 'paid: found ["id"], expected true or false',
    '"qty": 1.5': "qty: found 1.5, expected a whole number from -2147483648 to 2147483647",
    '"qtys": [1, 3.7]': "qtys[1]: found 3.7, expected a whole number",
    '"counts": {"a": 1.5}': "counts{a}: found 1.5, expected a whole number",
    '"item": {"qty": 2.5}': "item.qty: found 2.5, expected a whole number",
    '"item": [{"qty": 7}]': 'item: found [{"qty": 7}], expected an object',
    '"rate": 1e400': "rate: found 1e400, expected a number within the range of DOUBLE",
    '"text": "\\ud83d"': 'text: found "\\ud83d", expected text without half of a surrogate pair',
    '"sent": "2026-01-01T00:00:00.123456Z"': "expected at most 3 digits of a second",
    '"qty": 1, "qty": 2': "qty: found 2, expected each name once",
    '"x": ' + "[" * 1100 + "]" * 1100: "values nest more than 1000 deep",
}


@pytest.fixture(scope="module")
def pipeline(make_topic: MakeTopic, run_pipeline: RunPipeline) -> RunningPipeline:
    topic = make_topic("json-values", 1, schema_text=None)
    source = {"topic": topic, "format": "json", "columns": COLUMNS, "required": ["at"]}
    records.produce(
        topic, [f'{{"id": {json.dumps(one)}, {one}, {AT}}}'.encode() for one in (*TAKEN, *REFUSED)]
    )
    return run_pipeline(
        topic,
        sources={"records": {**source, "json": {"times": {"at": "epoch-millis"}}}},
        sink={"lake": {"time": "at"}},
    )


@pytest.fixture(scope="module")
def report(pipeline: RunningPipeline) -> Report:
    report = pipeline.verify()
    flink.assert_never_restarted(pipeline.home, pipeline.job_id)
    pipeline.cancel()
    return report


def test_each_record_is_in_the_lake_or_a_dead_letter(report: Report) -> None:
    assert (report.verdict, report.committed) == (Verdict.PROVEN, len(TAKEN))
    assert report.dropped == len(REFUSED)


@pytest.mark.usefixtures("report")
def test_a_value_is_as_it_was_sent(pipeline: RunningPipeline) -> None:
    rows = committed_files(pipeline.paths.output, pipeline.paths.commit_log).to_table().to_pylist()
    found = {row["id"]: row for row in rows}
    assert {one: row[_column(one)] for one, row in found.items()} == TAKEN
    assert {row["at"].isoformat() for row in rows} == {"2026-01-01T00:00:00+00:00"}


@pytest.mark.usefixtures("report")
def test_a_dead_letter_names_the_column_the_value_and_what_is_expected(
    pipeline: RunningPipeline, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = lake_files.on_this_disk(pipeline.paths, tmp_path_factory.mktemp("lake"))["dropped"]
    letters = [row for file in folder.files() for row in pq.ParquetFile(file).read().to_pylist()]
    found = {row["raw"]: row["error"] for row in letters}
    assert found.keys() == {_record(one) for one in REFUSED}
    for one, expected in REFUSED.items():
        assert found[_record(one)].startswith("UNDECODABLE: ")
        assert expected in found[_record(one)]


def _record(one: str) -> bytes:
    return f'{{"id": {json.dumps(one)}, {one}, {AT}}}'.encode()


def _column(one: str) -> str:
    """The last field of a part of a record."""
    return [name for name in json.loads(f"{{{one}}}") if name in COLUMNS][-1]


def test_numbers_that_json_does_not_have_are_refused_by_a_topic(
    make_topic: MakeTopic, run_pipeline: RunPipeline
) -> None:
    topic, target, letters = (
        make_topic(name, 1, schema_text=None) for name in ("roots", "roots-out", "roots-dead")
    )
    source = {"topic": topic, "format": "json", "columns": {"id": "STRING", "x": "DOUBLE"}}
    query = "SELECT id, SQRT(x) AS root, CAST(1 AS FLOAT) / CAST(x AS FLOAT) AS inverse FROM records"
    records.produce(
        topic, [b'{"id": "4", "x": 4}', b'{"id": "-1", "x": -1}', b'{"id": "0", "x": 0}', b'{"id": "null"}']
    )
    pipeline = run_pipeline(
        topic,
        sources={"records": source},
        query=query,
        sink={"kafka": {"topic": target}},
        dropped={"kafka": {"topic": letters}},
    )
    until(lambda: len(records.committed(letters)) >= 2, "two dead letters")
    found = records.committed_json(target)
    assert sorted((record.value for record in found), key=lambda row: row["id"]) == [
        {"id": "4", "root": 2.0, "inverse": 0.25},
        {"id": "null", "root": None, "inverse": None},
    ]
    errors = sorted(record.value["error"] for record in records.committed_json(letters))
    assert errors == [
        "REFUSED_BY_SINK: inverse: found Infinity; expected a number of JSON",
        "REFUSED_BY_SINK: root: found NaN; expected a number of JSON",
    ]
    pipeline.cancel()
