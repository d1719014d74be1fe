"""The text of a pipeline file to start from: what a topic has, and the keys that are likely wanted next."""

import json
import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

import yaml

from procstream_job.language import sql
from procstream_job.language.columns import EVENT_TIME, LINEAGE_COLUMNS, PROCESSING_TIME
from procstream_job.language.sql import Column
from procstream_job.topics.contents import TopicContents

_LONGEST_NAME = 45
_LONGEST_SAMPLE = 60
_WIDTH = 90
_NO_TEXT = ("ROW", "ARRAY", "MAP", "MULTISET", "BYTES", "BINARY", "VARBINARY")


class SinkKind(StrEnum):
    """Where the rows of a starting file go."""

    KAFKA = "kafka"
    LAKE = "lake"
    POSTGRES = "postgres"
    PRINT = "print"


def default_name(topic: str, taken: Collection[str] = ()) -> str:
    """A name for the pipeline of a topic, other than those that are `taken`."""
    name = re.sub("[^a-z0-9]+", "-", topic.lower()).strip("-") or "pipeline"
    if name in taken:
        name = f"my-{name}"
    return name[:_LONGEST_NAME].rstrip("-")


def output_topic(name: str) -> str:
    """The topic that a starting file with a Kafka sink names; it is not made."""
    return f"{name}-output"


def starting_file(name: str, contents: TopicContents, sink: SinkKind, schema: str | None = None) -> str:
    """YAML of a pipeline `name` that takes all columns of a topic to `sink`.

    `schema` is the path of the pipeline file's JSON schema, for editors.
    """
    if sink is SinkKind.LAKE:  # has every record, also the late ones
        contents = replace(contents, event_time=None)
    blocks = [
        [
            *([f"# yaml-language-server: $schema={schema}"] if schema else []),
            f"name: {_scalar(name)}",
            f"description: {_scalar(f'Records of {contents.topic}')}",
        ],
        [*_source(contents)],
        [*_query(contents, sink)],
        [*_sink(name, contents, sink)],
        [*_rest(name, contents, sink)],
    ]
    return "\n".join(line for block in blocks for line in block) + "\n"


def _source(contents: TopicContents) -> Iterator[str]:
    yield "sources:"
    yield f"  {_scalar(_table(contents.topic))}: # the table that the query reads"
    yield f"    topic: {_scalar(contents.topic)}"
    yield f"    format: {contents.format}"
    if contents.format == "json":
        yield f"    columns: # told from {contents.origin}"
        for column in contents.columns:
            yield from (f"      {line}" for line in _declared(column, _seen(contents, column.name)))
    else:
        yield f"    # columns of {contents.origin}:"
        yield from (f"    #   {line}" for line in _listed(contents.columns))
        if contents.left_out:
            yield "    columns:"
            yield from (f"      - {_scalar(column.name)}" for column in contents.columns)
    if contents.left_out:
        yield f"    # left out, their names are taken or have hidden characters: {_shown(contents.left_out)}"
    required = (contents.always or [column.name for column in contents.columns])[:1]
    yield f"    # required: {_flow(required)} # a record without it is a dead letter"
    yield "    # start: latest # or committed; by default earliest"
    if all(column.name != PROCESSING_TIME for column in contents.columns):
        yield f"    # processing_time: true # adds the column {PROCESSING_TIME}, for windows by Flink's clock"
    if time := contents.event_time:
        yield f"    # event_time: # the column {EVENT_TIME}, for windows by the records' own time; needs late"
        yield f"    #   column: {_scalar(time.name)}{_needed_type(contents, time)}"
        yield "    #   delay: 5 s # records may come so far out of order"


def _query(contents: TopicContents, sink: SinkKind) -> Iterator[str]:
    own = [_selected(column, sink) for column in contents.columns]
    added = list(LINEAGE_COLUMNS) if sink is SinkKind.LAKE else []
    if sink is SinkKind.LAKE and _lake_time(contents) == "kafka_timestamp":
        added.insert(0, "kafka_timestamp")
    yield "query: |"
    yield "  SELECT"
    yield _literal(",\n".join(f"    {column}" for column in (*own, *added)))
    yield f"  FROM {sql.name(_table(contents.topic))}"


def _sink(name: str, contents: TopicContents, sink: SinkKind) -> Iterator[str]:
    yield "sink:"
    match sink:
        case SinkKind.PRINT:
            yield "  print: {} # the TaskManager's standard output; or kafka, lake, postgres"
        case SinkKind.LAKE:
            yield "  lake:"
            yield f"    time: {_scalar(_lake_time(contents))} # its UTC hour decides the folder"
        case SinkKind.KAFKA:
            yield "  kafka:"
            yield f"    topic: {_scalar(output_topic(name))} # it must exist"
            yield f"    # key: {_flow([column.name for column in contents.columns][:1])}"
            yield "    # delivery: at-least-once # at once; exactly-once rows come with each checkpoint"
        case SinkKind.POSTGRES:
            key = [column.name for column in contents.columns][:1]
            yield "  postgres: # the connection is in POSTGRES_URL"
            yield f"    table: {_scalar(_table(contents.topic))} # made if it is absent"
            yield "    # mode: upsert # a row replaces the one with its key, so that a replay changes nothing"
            yield f"    # key: {_flow(key)}"


def _rest(name: str, contents: TopicContents, sink: SinkKind) -> Iterator[str]:
    if contents.event_time:
        yield "# late: # records behind the watermark"
        yield f"#   kafka: {{topic: {_scalar(f'{name}-late')}}} # it must exist"
    if sink is not SinkKind.LAKE:
        yield "# dropped: # records that cannot be decoded; by default Parquet in the lake"
        yield "#   kafka: {topic: dead-letters} # it must exist"
    yield "# flink:"
    yield "#   parallelism: 2"
    yield "#   checkpoint_interval: 60 s"


def _selected(column: Column, sink: SinkKind) -> str:
    name = sql.name(column.name)
    # A column of PostgreSQL takes one value.
    if sink is SinkKind.POSTGRES and column.type.startswith(_NO_TEXT):
        return f"JSON_STRING({name}) AS {name}"
    return name


def _lake_time(contents: TopicContents) -> str:
    return next((column.name for column in contents.columns if column.is_timestamp), "kafka_timestamp")


def _needed_type(contents: TopicContents, time: Column) -> str:
    return "" if time in contents.columns else f" # which must be {time.type} above"


def _table(topic: str) -> str:
    name = re.sub("[^A-Za-z0-9_]", "_", topic)
    return name if re.match("[A-Za-z_]", name) else f"_{name}"


def _scalar(text: str) -> str:
    """A text in YAML, in quotes if it would be something else without; `${` stands for itself."""
    return _dumped(_literal(text), width=float("inf")).removesuffix("\n...")


def _flow(names: Iterable[str]) -> str:
    return _dumped([_literal(name) for name in names], width=float("inf"), default_flow_style=True)


def _dumped(
    value: str | list[str] | dict[str, str], *, width: float, default_flow_style: bool = False
) -> str:
    """A value in YAML, without a last line break."""
    texts = value.items() if isinstance(value, dict) else value
    printable = all(part.isprintable() for text in texts for part in text)
    dumped: str = yaml.safe_dump(
        value,
        allow_unicode=printable,  # else PyYAML would take U+0085 and its like for line breaks of a text
        width=width,
        default_flow_style=default_flow_style,
    )
    return dumped.removesuffix("\n")


def _literal(text: str) -> str:
    """A text that `parameters.substitute` leaves as it is."""
    return text.replace("${", "$${")


def _declared(column: Column, comment: str) -> list[str]:
    """A column with its type in YAML; the comment is before it if they need more than a line."""
    lines = _dumped({column.name: _literal(column.type)}, width=_WIDTH).split("\n")
    if len(lines) == 1 and len(lines[0]) + len(comment) <= _WIDTH:
        return [f"{lines[0]} {comment}".rstrip()]
    return [comment, *lines] if comment else lines


def _listed(columns: Sequence[Column]) -> Iterator[str]:
    """Columns and their types side by side; a long type goes on below."""
    width = max(len(column.name) for column in columns)
    for column in columns:
        yield from textwrap.wrap(
            f"{column.name:<{width}}  {column.type}",
            _WIDTH,
            subsequent_indent=" " * (width + 4),
            break_long_words=False,
            break_on_hyphens=False,
        )


def _seen(contents: TopicContents, column: str) -> str:
    """A comment on the values of a column."""
    if column not in contents.samples:
        return ""
    doubt = f"; {contents.mostly[column]}" if column in contents.mostly else ""
    return f"# {_shown(contents.samples[column])}{doubt}"


def _shown(value: Any) -> str:
    """A value as JSON in one short line of characters that a YAML comment may have."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > _LONGEST_SAMPLE:
        text = f"{text[: _LONGEST_SAMPLE - 1]}…"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
