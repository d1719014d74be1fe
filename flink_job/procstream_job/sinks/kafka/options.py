"""A topic in a pipeline file, as a place for rows, dropped records and late records."""

from collections.abc import Sequence
from typing import Literal

from procstream_common.lake import LakePaths
from pydantic import Field, model_validator

from procstream_job.formats.avro.schema import writer_columns
from procstream_job.formats.avro.writing import avro_value, null_misfit
from procstream_job.formats.json.writing import json_value, number_misfit
from procstream_job.language import sql, yaml_text
from procstream_job.language.field_types import NonEmpty, Text, Topic
from procstream_job.language.needs import Need, Needs
from procstream_job.language.part import Part
from procstream_job.language.sql import Column
from procstream_job.sinks.kafka.table import client_id, kafka_table, key_columns, matching_columns
from procstream_job.sinks.kind import Placement, Result, SinkOptions, SinkTable, Starting, StoredColumn


class KafkaSink(SinkOptions):
    """A topic, one record a row."""

    topic: Topic = Field(description="Kafka topic to write. It must exist.")
    format: Literal["json", "avro"] = Field(
        "json",
        description="`json`: times are ISO-8601. `avro`: Confluent's wire format, by the registry's schema.",
    )
    subject: NonEmpty | None = Field(
        None, description="Subject of the Avro schema; by default `<topic>-value`. It must be registered."
    )
    key: list[NonEmpty] | None = Field(
        None,
        min_length=1,
        description="Columns of the record's key: the text itself if it is one STRING, else a JSON object.",
    )
    delivery: Literal["exactly-once", "at-least-once"] = Field(
        "exactly-once",
        description="`exactly-once`: in transactions; read_committed readers see rows with each checkpoint."
        " `at-least-once`: at once, and some twice after a failure.",
    )
    configuration: dict[str, Text] = Field(
        {}, description="Options of the Kafka producer, e.g. `linger.ms` or `transaction.timeout.ms`."
    )

    @property
    def schema_subject(self) -> str:
        """Where the registry has the schema of Avro values (Confluent's TopicNameStrategy by default)."""
        return self.subject or f"{self.topic}-value"

    @model_validator(mode="after")
    def _subject_is_for_avro(self) -> "KafkaSink":
        if self.subject is not None and self.format != "avro":
            raise ValueError(f"subject goes with format avro; found format {self.format}")
        return self

    def needs(self, place: str) -> Needs:
        """The topic, and the subject of Avro values."""
        subjects = (Need(place, self.schema_subject),) if self.format == "avro" else ()
        return Needs(topics=(Need(place, self.topic),), subjects=subjects)

    def flink_table(self, result: Result, at: Placement, stored: Sequence[StoredColumn]) -> SinkTable:
        """A table of Flink's `kafka` connector."""
        columns, value, misfit = result.columns, json_value(), number_misfit(result.columns)
        if self.format == "avro":
            schema = at.connections.schemas[self.schema_subject]
            columns = matching_columns(
                columns, writer_columns(schema), f"subject {self.schema_subject}", at.place
            )
            value = avro_value(self.schema_subject, schema, at.connections.registry)
            misfit = null_misfit(columns)
        create = kafka_table(
            at.table,
            columns,
            self.topic,
            value,
            kafka=at.connections.kafka,
            client_id=client_id(at.pipeline, f"outputs.{at.output}"),
            key=key_columns(result.columns, self.key or (), at.place),
            exactly_once=self.delivery == "exactly-once",
            producer=self.configuration,
        )
        return SinkTable(create, sql.names(column.name for column in columns), misfit)

    def destination(self, paths: LakePaths) -> str:
        """The topic."""
        return f"topic {self.topic}"

    @classmethod
    def starting(cls, pipeline: str, table: str, columns: Sequence[Column]) -> Starting:
        """A topic with the pipeline's name, which is not created."""
        topic = f"{pipeline}-output"
        names = [column.name for column in columns]
        return Starting(
            lines=(
                "  kafka:",
                f"    topic: {yaml_text.scalar(topic)} # it must exist",
                f"    # key: {yaml_text.flow(names[:1])}",
                "    # delivery: at-least-once # at once; with exactly-once, rows come with each checkpoint",
            ),
            select=tuple(map(sql.name, names)),
            note=f"its rows go to topic {topic}, which must exist",
        )


class RecordTopic(Part):
    """A topic of JSON records, written exactly once."""

    topic: Topic = Field(description="Kafka topic to write. It must exist.")
