"""From a topic to its table in the SQL catalog. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from procstream_job.file.model import Pipeline
from procstream_job.formats.avro.options import AVRO, avro_options
from procstream_job.formats.avro.schema import UnreadableSchemaError, reader_schema
from procstream_job.formats.dead_letter import ERROR_KEY, dead_letter_options
from procstream_job.formats.json.inference import infer_columns
from procstream_job.formats.json.options import JSON, JsonSource
from procstream_job.language.columns import METADATA_COLUMNS, METADATA_KEYS
from procstream_job.language.subject_schema import SubjectSchema

ERROR_COLUMN = "dead_letter_error"
"""Why a record could not be decoded; its own columns are null then."""

_TAKEN = (*METADATA_COLUMNS, ERROR_COLUMN)
"""Where a record has a field of such a name, the column is Kafka's."""


@dataclass(frozen=True)
class Topic:
    """A topic and what is known of its records."""

    name: str
    schema: SubjectSchema | None = None
    """That of the subject `<topic>-value`."""
    declared: "Declaration | None" = None
    sample: Sequence[bytes] = ()
    """Some values, newest last."""


@dataclass(frozen=True)
class Declaration:
    """Columns that a pipeline declares for a topic of JSON records, with Flink SQL types."""

    pipeline: str
    columns: Mapping[str, str]
    options: Mapping[str, str] = field(default_factory=dict)
    """Of the format `json`."""


@dataclass(frozen=True)
class _Reading:
    """How the values of a topic are read. Options are those of the table."""

    origin: str
    columns: Mapping[str, str]
    options: Mapping[str, str] = field(default_factory=dict)
    names_errors: bool = True


def catalog(topics: Iterable[Topic], kafka: Mapping[str, str], registry: Mapping[str, str]) -> dict[str, Any]:
    """The document that the catalog `procstream-topics` reads: a table for each topic.

    `kafka` has the properties of a Kafka Java client, `registry` the options of Flink's `avro-confluent`
    format; both may hold secrets.
    """
    return {"tables": {topic.name: _table(topic, kafka, registry) for topic in topics}}


def declarations(pipelines: Iterable[Pipeline]) -> dict[str, Declaration]:
    """Columns of JSON sources by topic; the first pipeline wins."""
    found: dict[str, Declaration] = {}
    for pipeline in pipelines:
        for source in pipeline.sources.values():
            if isinstance(source, JsonSource):
                found.setdefault(
                    source.topic, Declaration(pipeline.name, source.columns, source.reading.options)
                )
    return found


def needs_sample(topic: Topic) -> bool:
    """Whether a topic's columns can only be inferred from its records."""
    return _by_schema(topic, {}) is None and topic.declared is None


def _table(topic: Topic, kafka: Mapping[str, str], registry: Mapping[str, str]) -> dict[str, Any]:
    reading = _by_schema(topic, registry) or _by_declaration(topic) or _by_sample(topic) or _raw(topic)
    columns: list[dict[str, Any]] = [
        {"name": name, "type": sql_type} for name, sql_type in reading.columns.items() if name not in _TAKEN
    ]
    columns += [
        {"name": name, "type": METADATA_COLUMNS[name], "metadata": key, "virtual": True}
        for name, key in METADATA_KEYS.items()
    ]
    if reading.names_errors:
        columns.append({"name": ERROR_COLUMN, "type": "STRING", "metadata": ERROR_KEY, "virtual": True})
    return {
        "comment": reading.origin,
        "columns": columns,
        "options": {
            "connector": "kafka",
            "topic": topic.name,
            **{f"properties.{key}": value for key, value in kafka.items()},
            "properties.isolation.level": "read_committed",
            "scan.startup.mode": "earliest-offset",
            **reading.options,
        },
    }


def _by_schema(topic: Topic, registry: Mapping[str, str]) -> _Reading | None:
    if topic.schema is None:
        return None
    try:
        reader = reader_schema(topic.schema.text)
        wanted = [column.name for column in reader.columns if column.name not in _TAKEN]
        reader = reader_schema(topic.schema.text, wanted)
    except UnreadableSchemaError:
        return None
    columns = {column.name: column.type for column in reader.columns}
    options = dead_letter_options(AVRO, avro_options(topic.schema, registry))
    return _Reading(f"columns of subject {topic.name}-value", columns, options)


def _by_declaration(topic: Topic) -> _Reading | None:
    if topic.declared is None:
        return None
    return _json(
        f"columns of pipeline {topic.declared.pipeline}", topic.declared.columns, topic.declared.options
    )


def _by_sample(topic: Topic) -> _Reading | None:
    columns = infer_columns(topic.sample)
    return _json(f"columns inferred from {len(topic.sample)} records", columns, {}) if columns else None


def _raw(topic: Topic) -> _Reading:
    sql_type = "STRING" if all(map(_is_text, topic.sample)) else "BYTES"
    return _Reading("records as they are", {"value": sql_type}, {"value.format": "raw"}, names_errors=False)


def _json(origin: str, columns: Mapping[str, str], options: Mapping[str, str]) -> _Reading:
    return _Reading(origin, columns, dead_letter_options(JSON, options))


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
