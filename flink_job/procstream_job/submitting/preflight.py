"""What is asked before a job is submitted, so that what is missing is said in one line and in seconds."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from procstream_common.errors import ProcstreamError
from procstream_common.registry import SchemaNotFound
from procstream_common.settings import KafkaSettings

from procstream_job.file.model import AvroSource, KafkaSink, Pipeline
from procstream_job.language.mistakes import PlacedError, did_you_mean
from procstream_job.plan.sources import SourceTable, avro_table, json_table

# librdkafka tries again for ever, also where another attempt will not change anything.
_REFUSALS = {
    KafkaError._AUTHENTICATION,
    KafkaError._SSL,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
_FIRST_ATTEMPT_SECONDS = 0.5


class NotThereYet(PlacedError):  # noqa: N818 - says what it is
    """A topic or a subject does not exist: another attempt later may find it."""


class KafkaUnavailable(ProcstreamError):  # noqa: N818
    """No broker answers: worth another attempt."""


class KafkaRefused(ProcstreamError):  # noqa: N818
    """The broker answers and does not let us in: credentials or certificates are wrong."""


@dataclass
class _Complaints:
    """What librdkafka's own threads run into; a call itself only times out."""

    servers: str
    errors: list[KafkaError] = field(default_factory=list)

    def raise_refusal(self) -> None:
        for error in self.errors:
            if error.code() in _REFUSALS:
                raise KafkaRefused(
                    f"KAFKA_BOOTSTRAP_SERVERS {self.servers}: the broker refused us: {error.str()};"
                    " expected credentials and certificates that it knows"
                )


def topic_names(kafka: KafkaSettings, timeout: float = 5) -> frozenset[str]:
    """Names of the topics that we may see. `timeout` is in seconds.

    Raises:
        KafkaUnavailable: no broker answered in time.
        KafkaRefused: one answered and did not let us in.
    """
    complaints = _Complaints(kafka.bootstrap_servers)
    client: dict[str, Any] = {"error_cb": complaints.errors.append, "log_level": 0}
    admin = AdminClient({**kafka.librdkafka(), **client})
    deadline = time.monotonic() + timeout
    attempt_seconds = _FIRST_ATTEMPT_SECONDS
    while True:
        try:
            return frozenset(admin.list_topics(timeout=attempt_seconds).topics)
        except KafkaException as error:
            admin.poll(0)  # runs error_cb
            complaints.raise_refusal()
            if time.monotonic() > deadline:
                reason = complaints.errors[0] if complaints.errors else error.args[0]
                raise KafkaUnavailable(
                    f"KAFKA_BOOTSTRAP_SERVERS {kafka.bootstrap_servers}: no broker answered"
                    f" in {timeout:g} s: {reason.str()}"
                ) from None
        attempt_seconds = min(2 * attempt_seconds, max(deadline - time.monotonic(), _FIRST_ATTEMPT_SECONDS))


def check_topics(pipeline: Pipeline, existing: Collection[str]) -> None:
    """Raise `NotThereYet` for a topic that does not exist; it names one that is spelled alike."""
    for place, topic in topics_of(pipeline):
        if topic not in existing:
            hint = did_you_mean(topic, existing).removesuffix(";")
            raise NotThereYet(f"{place}.topic: topic {topic!r} does not exist{hint}")


def topics_of(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """The topics that a pipeline reads and writes, each with its place in the file."""
    for name, source in pipeline.sources.items():
        yield f"sources.{name}", source.topic
    for output in pipeline.all_outputs:
        if output.sink.kafka:
            yield f"{output.place}sink.kafka", output.sink.kafka.topic
    if pipeline.dropped.kafka:
        yield "dropped.kafka", pipeline.dropped.kafka.topic
    if pipeline.late:
        yield "late.kafka", pipeline.late.kafka.topic


def resolve_sources(
    pipeline: Pipeline, latest_schema: Callable[[str], str], registry: Mapping[str, str]
) -> tuple[SourceTable, ...]:
    """The sources with their columns.

    `latest_schema` gives a subject's schema; `registry` has the options of Flink's `avro-confluent` format.

    Raises:
        NotThereYet: a subject is not registered.
        SourceError: a schema lacks a column, or cannot be read.
    """
    tables = []
    for name, source in pipeline.sources.items():
        if isinstance(source, AvroSource):
            try:
                schema_text = latest_schema(source.schema_subject)
            except SchemaNotFound as error:
                raise NotThereYet(f"sources.{name}: {error}") from None
            tables.append(avro_table(name, source, schema_text, registry))
        else:
            tables.append(json_table(name, source))
    return tuple(tables)


def sink_schemas(pipeline: Pipeline, latest_schema: Callable[[str], str]) -> dict[str, str]:
    """The schemas of the subjects that the pipeline writes; raises `NotThereYet` if one is not registered."""
    schemas = {}
    for place, sink in _avro_sinks(pipeline):
        try:
            schemas[sink.schema_subject] = latest_schema(sink.schema_subject)
        except SchemaNotFound as error:
            raise NotThereYet(f"{place}: {error}") from None
    return schemas


def needs_registry(pipeline: Pipeline) -> bool:
    """Whether a schema of the registry says what a source or a sink is made of."""
    sources = any(isinstance(source, AvroSource) for source in pipeline.sources.values())
    return sources or next(_avro_sinks(pipeline), None) is not None


def needs_postgres(pipeline: Pipeline) -> bool:
    """Whether a sink is a table of PostgreSQL."""
    return any(output.sink.postgres for output in pipeline.all_outputs)


def _avro_sinks(pipeline: Pipeline) -> Iterator[tuple[str, KafkaSink]]:
    for output in pipeline.all_outputs:
        if output.sink.kafka and output.sink.kafka.format == "avro":
            yield f"{output.place}sink.kafka", output.sink.kafka
