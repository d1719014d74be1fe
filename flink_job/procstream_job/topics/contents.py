"""The columns of a topic in a pipeline file: from a schema, or inferred from some of its records."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from procstream_common.errors import ProcstreamError

from procstream_job.formats.avro.schema import UnreadableSchemaError, reader_schema
from procstream_job.formats.json.inference import infer_columns
from procstream_job.language.columns import EVENT_TIME, METADATA_COLUMNS
from procstream_job.language.sql import Column

_CONFLUENT_MAGIC_BYTE = b"\x00"
_EPOCH_MILLISECONDS = range(946_684_800_000, 4_102_444_800_000)  # the years 2000 to 2099
_KINDS = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", dict: "ROW", list: "ARRAY"}
_ISO_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")


class UnknownContentsError(ProcstreamError):
    """The columns of a topic cannot be inferred."""


@dataclass(frozen=True)
class TopicContents:
    """The columns that a source of a topic may have."""

    topic: str
    format: Literal["avro", "json"]
    origin: str
    """What the columns come from, for messages."""
    columns: tuple[Column, ...]
    samples: Mapping[str, Any] = field(default_factory=dict)
    """A value that was seen, for each column that ever had one."""
    mostly: Mapping[str, str] = field(default_factory=dict)
    """The type that most values have of a column that is STRING because some have another."""
    whole: tuple[str, ...] = ()
    """Columns whose numbers had no fraction so far, and are no times: the next may be a price of 12.75."""
    always: tuple[str, ...] = ()
    """Columns that every record has which was seen."""
    event_time: Column | None = None
    """A column that may be the records' own time, with the type that an event time needs."""
    omitted: tuple[str, ...] = ()
    """Fields that cannot be columns: their names are reserved, or have hidden characters."""


@dataclass(frozen=True)
class _Seen:
    """A column of JSON records, and its values that are not null."""

    column: Column
    values: tuple[Any, ...]

    @classmethod
    def of(cls, column: Column, documents: Sequence[Mapping[str, Any]]) -> "_Seen":
        values = (document.get(column.name) for document in documents)
        return cls(column, tuple(value for value in values if value is not None))

    @property
    def is_epoch_milliseconds(self) -> bool:
        """Whether all values look like milliseconds since 1970."""
        return self._are("BIGINT") and all(value in _EPOCH_MILLISECONDS for value in self.values)

    @property
    def is_whole(self) -> bool:
        """Whether all values are whole numbers, and no times."""
        return self._are("BIGINT") and not self.is_epoch_milliseconds

    @property
    def is_iso_instant(self) -> bool:
        """Whether all values are times as Flink reads a TIMESTAMP_LTZ."""
        return self._are("STRING") and all(_ISO_INSTANT.fullmatch(str(value)) for value in self.values)

    @property
    def mostly(self) -> str | None:
        """`DOUBLE in 9 of 10 records`, where the tenth made the column a STRING."""
        if not self._are("STRING"):
            return None
        [(kind, count)] = Counter(map(type, self.values)).most_common(1)
        if kind is str or count == len(self.values):  # all alike: numbers that no BIGINT holds
            return None
        return f"{_KINDS[kind]} in {count} of {len(self.values)} records"

    def _are(self, sql_type: str) -> bool:
        return self.column.type == sql_type and bool(self.values)


def json_contents(topic: str, records: Sequence[bytes]) -> TopicContents:
    """What records of JSON objects have in common.

    Raises:
        UnknownContentsError: none of them is one, or none of their fields can be a column.
    """
    readable = [record for record in records if infer_columns([record])]
    if not readable:
        hint = (
            f"they begin with byte 0 as Confluent's Avro does, and {topic}-value is not registered"
            if records and all(record.startswith(_CONFLUENT_MAGIC_BYTE) for record in records)
            else f"expected JSON, or Avro whose schema is registered as {topic}-value"
        )
        raise UnknownContentsError(f"topic {topic}: found no JSON object in {len(records)} records; {hint}")
    inferred = [Column(name, sql_type) for name, sql_type in infer_columns(readable).items()]
    columns, omitted = _usable(inferred, f"topic {topic}")
    documents = [json.loads(record) for record in readable]
    seen = [_Seen.of(column, documents) for column in columns]
    times = [one.column for one in seen if one.is_epoch_milliseconds]
    times += [Column(one.column.name, "TIMESTAMP_LTZ(3)") for one in seen if one.is_iso_instant]
    of_all = f" of {len(records)}" if len(documents) < len(records) else ""
    return TopicContents(
        topic=topic,
        format="json",
        origin=f"{len(documents)}{of_all} records",
        columns=columns,
        samples={one.column.name: one.values[0] for one in seen if one.values},
        mostly={one.column.name: one.mostly for one in seen if one.mostly is not None},
        whole=tuple(one.column.name for one in seen if one.is_whole),
        always=tuple(one.column.name for one in seen if len(one.values) == len(documents)),
        event_time=_event_time(times, columns),
        omitted=omitted,
    )


def avro_contents(topic: str, subject: str, version: int, schema_text: str) -> TopicContents:
    """What records of a registered schema have.

    Raises:
        UnknownContentsError: Flink cannot read it, or none of its fields can be a column.
    """
    try:
        schema = reader_schema(schema_text)
    except UnreadableSchemaError as error:
        raise UnknownContentsError(f"subject {subject}, version {version}: {error}") from None
    columns, omitted = _usable(schema.columns, f"subject {subject}, version {version}")
    return TopicContents(
        topic=topic,
        format="avro",
        origin=f"{subject}, version {version}",
        columns=columns,
        event_time=_event_time([column for column in columns if column.is_timestamp], columns),
        omitted=omitted,
    )


def _usable(columns: Sequence[Column], where: str) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    usable = [
        column for column in columns if column.name not in METADATA_COLUMNS and column.name.isprintable()
    ]
    omitted = tuple(column.name for column in columns if column not in usable)
    if not usable:
        raise UnknownContentsError(f"{where}: found no field that can be a column in {list(omitted)}")
    return tuple(usable), omitted


def _event_time(candidates: Sequence[Column], columns: Sequence[Column]) -> Column | None:
    # A source with an event time has a column of that name; a field of that name must then be it.
    if any(column.name == EVENT_TIME for column in columns):
        candidates = [column for column in candidates if column.name == EVENT_TIME and column.is_timestamp]
    return next(iter(candidates), None)
