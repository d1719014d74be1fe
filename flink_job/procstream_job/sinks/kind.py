"""What a kind of sink is: options in the pipeline file, and all that the other rooms ask of the kind.

A kind is a folder beside this file with a subclass of `SinkOptions`, and a field of `Sink` in `sink.py`.
Everything here is pure, but for `check_server` and `ExternalTable.ensure`, which talk to a server.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from procstream_common.lake import LakePaths

from procstream_job.language import sql
from procstream_job.language.needs import Needs
from procstream_job.language.part import Part
from procstream_job.language.sql import Column


@dataclass(frozen=True)
class Result:
    """What a query returns."""

    columns: tuple[Column, ...]
    updating: bool = False
    """It may change a row that it returned before, as a GROUP BY without a window does."""


@dataclass(frozen=True)
class Connections:
    """How sources and sinks reach Kafka and the registry, as options of Flink's connectors."""

    kafka: Mapping[str, str] = field(default_factory=dict)
    """Properties of a Kafka Java client."""
    registry: Mapping[str, str] = field(default_factory=dict)
    """Options of the `avro-confluent` format."""
    schemas: Mapping[str, str] = field(default_factory=dict)
    """Avro schemas of the subjects that sinks need."""


@dataclass(frozen=True)
class Placement:
    """Where a sink is: in the pipeline file, in Flink SQL, and in the world."""

    pipeline: str
    output: str
    """Name of the query whose rows it stores."""
    place: str
    """Of the sink in the file, e.g. `outputs.alerts.sink.kafka`."""
    query_place: str
    """Of the query."""
    table: str
    """Name of the sink's table in Flink SQL, quoted."""
    paths: LakePaths
    connections: Connections
    env: Mapping[str, str]


@dataclass(frozen=True)
class StoredColumn:
    """A column of a table in another system."""

    name: str
    type: str
    """In the words of that system, e.g. `character varying(50)`."""
    not_null: bool
    has_default: bool
    """The system fills it when a row does not set it: a default, a serial, an identity, generated."""


class ExternalTable(Protocol):
    """A table that must exist in another system before rows are written."""

    def ensure(self, env: Mapping[str, str]) -> Sequence[StoredColumn]:
        """Create it if it is absent; the columns that it has.

        `env` has the connection. Raises a `PlacedError` when a table exists that does not fit.
        """


@dataclass(frozen=True)
class SinkTable:
    """A sink in Flink SQL."""

    create: str
    """CREATE TABLE."""
    select: str
    """What is inserted: the list between SELECT and FROM."""
    misfit: str | None = None
    """SQL text with the reason for which the sink would refuse a row, NULL for a row that fits.

    Rows with a reason go to the dropped records: a sink that throws would stop the job at the same row again
    and again. None: it refuses no row.
    """
    configuration: Mapping[str, str] = field(default_factory=dict)
    """Options of Flink's planner that it needs."""


@dataclass(frozen=True)
class Starting:
    """The part of a starting pipeline file that depends on the kind of sink."""

    lines: tuple[str, ...]
    """YAML below `sink:`."""
    select: tuple[str, ...]
    """Columns of the query, in SQL."""
    every_record: bool = False
    """Records have no other place: none is late, and those that are dropped go beside it."""
    note: str | None = None
    """What to do before the pipeline is run."""


class SinkOptions(Part):
    """Options of a kind of sink, with all that the kind knows."""

    @property
    def accepts_updates(self) -> bool:
        """Whether it can change a row that it stored before."""
        return False

    def needs(self, place: str) -> Needs:
        """Topics and subjects that must exist; `place` is the sink's in the file."""
        return Needs()

    def check_server(self, env: Mapping[str, str]) -> None:
        """Connect to its server, if it has one besides Kafka; `env` has the connection.

        Raises:
            SettingsError: the connection is not set, or wrong.
            ProcstreamError: the server is unavailable, or refuses us.
        """

    def default_columns(self, own: Sequence[Column]) -> Sequence[Column]:
        """Columns of the query that a file without one gets; `own` are the columns of the only source."""
        return own

    def external_table(self, result: Result, place: str) -> ExternalTable | None:
        """The table in another system that rows are stored in, if there is one.

        Raises `PlacedError` when the result does not fit.
        """
        return None

    @abstractmethod
    def flink_table(self, result: Result, at: Placement, stored: Sequence[StoredColumn]) -> SinkTable:
        """Its table in Flink SQL; `stored` are the columns of its external table.

        Raises `PlacedError` when the result does not fit.
        """

    @abstractmethod
    def destination(self, paths: LakePaths) -> str:
        """Where rows go, in a few words."""

    @classmethod
    @abstractmethod
    def starting(cls, pipeline: str, table: str, columns: Sequence[Column]) -> Starting:
        """Its part of a starting file; `table` is a name for a table of the topic, which has `columns`."""


def declared(columns: Sequence[Column]) -> list[str]:
    """Columns as CREATE TABLE declares them."""
    return [f"{sql.name(column.name)} {column.type}" for column in columns]
