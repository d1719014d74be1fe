"""Checks before a pipeline is planned: topics, schemas and servers, against fakes of them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from procstream_common.errors import ProcstreamError, RefusedError, Server, SettingsError, UnavailableError
from procstream_common.registry import RegisteredSchema
from procstream_job.file.model import Pipeline
from procstream_job.file.reading import PipelineFile
from procstream_job.sinks.postgres import database
from procstream_job.submitting import plans
from procstream_job.submitting.flink.functions import FunctionError
from procstream_job.submitting.patience import Patience
from procstream_job.submitting.plans import plan_jobs
from procstream_job.submitting.preflight import MissingError

from tests.unit.http_server import Answer, Request, serving
from tests.unit.kafka_cluster import FakeKafka, Topic

SCHEMA = '{"type":"record","name":"R","fields":[{"name":"id","type":"string"}]}'
ENV = {"KAFKA_BOOTSTRAP_SERVERS": "broker:9092", "LAKE_PATH": "/lake"}
WAITS = timedelta(seconds=30)


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    fake = FakeKafka({"orders": Topic(), "alerts": Topic()})
    monkeypatch.setattr(plans, "KafkaCluster", lambda _settings, **options: fake.cluster(**options))
    return fake


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Schemas by subject."""
    schemas = {"orders-value": SCHEMA}

    def answer(request: Request) -> Answer:
        subject = request.path.split("/")[2]
        if subject not in schemas:
            return Answer(404, {"error_code": 40401, "message": "no"})
        if request.path.endswith("/versions"):
            return Answer(200, [1, 2, 3])
        version = int(request.path.rpartition("/")[2].replace("latest", "3"))
        references = [{"name": "other", "subject": "other-value", "version": 1}] if version == 2 else []
        found = {"id": 10 + version, "version": version, "schema": schemas[subject], "references": references}
        return Answer(200, found)

    with serving(answer) as server:
        monkeypatch.setitem(ENV, "SCHEMA_REGISTRY_URL", server.url)
        yield schemas


def file(**changes: Any) -> PipelineFile:
    document = {
        "name": "orders",
        "sources": {"orders": {"topic": "orders", "format": "json", "columns": {"id": "STRING"}}},
        "sink": {"kafka": {"topic": "alerts"}},
        **changes,
    }
    return PipelineFile("orders.yaml", Pipeline.model_validate(document))


AVRO = {"sources": {"orders": {"topic": "orders", "format": "avro"}}}


def test_a_plan_has_the_columns_that_the_registry_has_now(kafka: FakeKafka, registry: dict[str, str]) -> None:
    registry["orders-value"] = SCHEMA.replace('"id"', '"key"')
    plan = plan_jobs([file(**AVRO)], ENV)["orders.yaml"]
    assert [column.name for column in plan.sources[0].columns] == ["key"]
    assert plan.connections.registry["url"] == ENV["SCHEMA_REGISTRY_URL"]


def test_a_plan_has_the_schemas_that_records_may_have_except_those_that_need_others(
    kafka: FakeKafka, registry: dict[str, str]
) -> None:
    plan = plan_jobs([file(**AVRO)], ENV)["orders.yaml"]
    options = plan.sources[0].decoding.options
    known = {key: text for key, text in options.items() if key.startswith("known-schemas.")}
    assert known == {"known-schemas.11": SCHEMA, "known-schemas.13": SCHEMA}


def test_json_needs_no_registry(kafka: FakeKafka) -> None:
    plan = plan_jobs([file()], ENV, overrides={"pipeline.name": "mine"})["orders.yaml"]
    assert plan.configuration["pipeline.name"] == "mine"
    assert plan.connections.kafka["bootstrap.servers"] == "broker:9092"


def test_avro_needs_one(kafka: FakeKafka) -> None:
    with pytest.raises(SettingsError, match="SCHEMA_REGISTRY_URL is not set"):
        plan_jobs([file(**AVRO)], ENV)


@pytest.mark.parametrize(
    ("missing", "place"),
    [("orders", r"sources\.orders\.topic"), ("alerts", r"sink\.kafka\.topic")],
)
def test_a_topic_that_does_not_exist_is_named_with_file_and_place(
    kafka: FakeKafka, missing: str, place: str
) -> None:
    del kafka.topics[missing]
    with pytest.raises(MissingError, match=rf"^orders\.yaml: {place}: topic '{missing}' does not exist"):
        plan_jobs([file()], ENV)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"dropped": {"kafka": {"topic": "dead"}}}, r"dropped\.kafka\.topic"),
        (
            {
                "sources": {
                    "orders": {
                        "topic": "orders",
                        "format": "json",
                        "columns": {"ms": "BIGINT"},
                        "event_time": {"column": "ms"},
                    }
                },
                "late": {"kafka": {"topic": "dead"}},
            },
            r"late\.kafka\.topic",
        ),
    ],
)
def test_topics_for_dropped_and_late_records_must_exist_too(
    kafka: FakeKafka, changes: dict[str, Any], place: str
) -> None:
    with pytest.raises(MissingError, match=rf"^orders\.yaml: {place}: topic 'dead'"):
        plan_jobs([file(**changes)], ENV)


def test_topics_that_the_operator_creates_are_waited_for(kafka: FakeKafka) -> None:
    late = kafka.topics.pop("alerts")
    looks: list[int] = []

    def listing() -> None:
        looks.append(1)
        if len(looks) == 2:
            kafka.topics["alerts"] = late

    kafka.listing = listing
    assert plan_jobs([file()], ENV, patience=Patience(WAITS))
    assert len(looks) == 2


def test_a_schema_that_the_operator_registers_is_waited_for(
    kafka: FakeKafka, registry: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Client:
        def __init__(self, _settings: object) -> None:
            pass

        def __enter__(self) -> "Client":
            return self

        def __exit__(self, *_error: object) -> None:
            pass

        def versions(self, _subject: str, *, most: int) -> list[RegisteredSchema]:
            return []

        def latest(self, subject: str) -> RegisteredSchema:
            asked.append(subject)
            if len(asked) == 1:
                raise UnavailableError(Server.REGISTRY, "starting")
            return RegisteredSchema(1, 1, SCHEMA)

    monkeypatch.setattr(plans, "SchemaRegistry", Client)
    assert plan_jobs([file(**AVRO)], ENV, patience=Patience(WAITS))
    assert asked == ["orders-value", "orders-value"]


def test_the_subject_of_a_sink_must_be_registered(kafka: FakeKafka, registry: dict[str, str]) -> None:
    sink = {"sink": {"kafka": {"topic": "alerts", "format": "avro"}}}
    with pytest.raises(MissingError, match=r"^orders\.yaml: sink\.kafka: .*'alerts-value' is not registered"):
        plan_jobs([file(**sink)], ENV)
    registry["alerts-value"] = SCHEMA
    assert plan_jobs([file(**sink)], ENV)["orders.yaml"].connections.schemas == {"alerts-value": SCHEMA}


def test_a_broker_that_refuses_is_not_waited_for(kafka: FakeKafka) -> None:
    def refuse() -> None:
        raise RefusedError(Server.KAFKA, "wrong password")

    kafka.listing = refuse
    with pytest.raises(RefusedError, match="wrong password"):
        plan_jobs([file()], ENV, patience=Patience(WAITS))
    assert kafka.calls == [("list", [])]


def connections(monkeypatch: pytest.MonkeyPatch, *errors: ProcstreamError | None) -> list[str]:
    """PostgreSQL fails so at each attempt to connect; the URLs that were tried."""
    tried: list[str] = []

    def check(settings: Any) -> None:
        tried.append(settings.url)
        if error := errors[len(tried) - 1]:
            raise error

    monkeypatch.setattr(database, "check_connection", check)
    return tried


POSTGRES = {"sink": {"postgres": {"table": "events"}}}


def test_postgresql_is_waited_for(kafka: FakeKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = connections(monkeypatch, UnavailableError(Server.POSTGRES, "starting up"), None)
    env = {**ENV, "POSTGRES_URL": "postgresql://db/x"}
    assert plan_jobs([file(**POSTGRES)], env, patience=Patience(WAITS))
    assert len(tried) == 2


def test_postgresql_that_refuses_stops_before_kafka_is_asked(
    kafka: FakeKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections(monkeypatch, RefusedError(Server.POSTGRES, "wrong password"))
    env = {**ENV, "POSTGRES_URL": "postgresql://db/x"}
    with pytest.raises(RefusedError, match="wrong password"):
        plan_jobs([file(**POSTGRES)], env, patience=Patience(WAITS))
    assert kafka.calls == []


def test_without_its_address_postgresql_is_a_setting_that_is_missing(kafka: FakeKafka) -> None:
    with pytest.raises(SettingsError, match="POSTGRES_URL is not set"):
        plan_jobs([file(**POSTGRES)], ENV)


def test_a_module_of_functions_is_looked_for_before_any_server(kafka: FakeKafka) -> None:
    with pytest.raises(FunctionError, match=r"^orders\.yaml: functions\[0\]: there is no module 'nowhere'"):
        plan_jobs([file(functions=["nowhere:rule"])], ENV)
    assert kafka.calls == []


def test_one_path_of_the_environment_may_be_that_of_one_pipeline(kafka: FakeKafka) -> None:
    env = {**ENV, "DROPPED_PATH": "/one"}
    assert plan_jobs([file()], env)["orders.yaml"].paths.dropped == "/one"
    both = [file(), replace(file(name="other"), label="other.yaml")]
    with pytest.raises(ProcstreamError, match="DROPPED_PATH is set and would apply to 2 pipelines"):
        plan_jobs(both, env)
    assert list(plan_jobs(both, ENV)) == ["orders.yaml", "other.yaml"]
