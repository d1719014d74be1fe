"""Records of an older schema, read with the newest: Avro's own resolution decides each value."""

import json
from typing import Any

from procstream_lineage import Verdict, committed_files

from tests.integration import flink, records
from tests.integration.running import RunPipeline
from tests.integration.topics import MakeTopic, register

AT = 1_767_225_600_000
TIME = {"type": "long", "logicalType": "timestamp-millis"}


def schema(*fields: dict[str, Any]) -> str:
    return json.dumps({"type": "record", "name": "Customer", "namespace": "shop", "fields": list(fields)})


def address(*more: dict[str, Any]) -> dict[str, Any]:
    fields = [{"name": "street", "type": "string"}, *more]
    return {"type": "record", "name": "Address", "fields": fields}


ID = {"name": "id", "type": "int"}
WHEN = {"name": "at", "type": TIME}
COUNTRY = {"name": "country", "type": "string", "default": "DE"}
OLD = schema(ID, WHEN, {"name": "mail", "type": "string"}, {"name": "home", "type": address()})
NEW = schema(
    ID,
    WHEN,
    {"name": "email", "type": "string", "aliases": ["mail"]},
    COUNTRY,
    {"name": "tier", "type": "long", "default": 1},
    {"name": "home", "type": address(COUNTRY)},
    {"name": "others", "type": {"type": "array", "items": "Address"}, "default": []},
)
PLACE = {"street": "High Street 1", "country": "DE"}
ABROAD = {"street": "Rue Haute 2", "country": "FR"}


def test_renamed_and_added_fields_have_the_values_that_avro_gives_them(
    make_topic: MakeTopic, run_pipeline: RunPipeline
) -> None:
    topic = make_topic("evolved", 1, schema_text=None)
    old, new = register(topic, OLD), register(topic, NEW)
    home = {"street": "High Street 1"}
    written_before = {"id": 1, "at": AT, "mail": "ada@example", "home": home}
    written_since = {
        "id": 2,
        "at": AT,
        "email": "bob@example",
        "country": "FR",
        "tier": 3,
        "home": ABROAD,
        "others": [ABROAD],
    }
    records.produce(
        topic, [records.framed(old, OLD, written_before), records.framed(new, NEW, written_since)]
    )
    pipeline = run_pipeline(topic, sink={"lake": {"time": "at"}})
    report = pipeline.verify()
    flink.assert_never_restarted(pipeline.home, pipeline.job_id)
    pipeline.cancel()

    assert (report.verdict, report.committed, report.dropped) == (Verdict.PROVEN, 2, 0)
    rows = committed_files(pipeline.paths.output, pipeline.paths.commit_log).to_table().to_pylist()
    names = ("id", "email", "country", "tier", "home", "others")
    assert sorted(tuple(row[name] for name in names) for row in rows) == [
        (1, "ada@example", "DE", 1, PLACE, []),
        (2, "bob@example", "FR", 3, ABROAD, [ABROAD]),
    ]
