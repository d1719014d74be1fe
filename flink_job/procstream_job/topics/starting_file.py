"""The text of a pipeline file to start from: the columns of a topic, and the keys that likely come next."""

import json
import re
import textwrap
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from procstream_job.language import sql
from procstream_job.language.columns import EVENT_TIME, PROCESSING_TIME
from procstream_job.language.sql import Column
from procstream_job.language.yaml_text import dumped, flow, literal, scalar
from procstream_job.sinks.kind import Starting
from procstream_job.sinks.sink import SINK_KINDS
from procstream_job.topics.contents import TopicContents

_LONGEST_NAME = 45
_LONGEST_SAMPLE = 60
_WIDTH = 90


def default_name(topic: str, taken: Collection[str] = ()) -> str:
    """A name for the pipeline of a topic, other than those that are `taken`."""
    name = re.sub("[^a-z0-9]+", "-", topic.lower()).strip("-") or "pipeline"
    if name in taken:
        name = f"my-{name}"
    return name[:_LONGEST_NAME].rstrip("-")


def starting_sink(name: str, contents: TopicContents, kind: str) -> Starting:
    """What a file for pipeline `name` has of a kind of sink, one of `SINK_KINDS`."""
    return SINK_KINDS[kind].starting(name, _table(contents.topic), contents.columns)


def starting_file(name: str, contents: TopicContents, kind: str, schema: str | None = None) -> str:
    """YAML of a pipeline `name` that writes all columns of a topic to a sink of a `kind`.

    `schema` is the path of the pipeline file's JSON schema, for editors.
    """
    sink = starting_sink(name, contents, kind)
    if sink.every_record:
        contents = replace(contents, event_time=None)
    blocks = [
        [
            *([f"# yaml-language-server: $schema={schema}"] if schema else []),
            f"name: {scalar(name)}",
            f"description: {scalar(f'Records of {contents.topic}')}",
        ],
        [*_source(contents)],
        [
            "query: |",
            "  SELECT",
            literal(",\n".join(f"    {column}" for column in sink.select)),
            f"  FROM {sql.name(_table(contents.topic))}",
        ],
        ["sink:", *sink.lines],
        [*_rest(name, contents, sink)],
    ]
    return "\n".join(line for block in blocks for line in block) + "\n"


def _source(contents: TopicContents) -> Iterator[str]:
    yield "sources:"
    yield f"  {scalar(_table(contents.topic))}: # the table that the query reads"
    yield f"    topic: {scalar(contents.topic)}"
    yield f"    format: {contents.format}"
    if contents.format == "json":
        yield f"    columns: # inferred from {contents.origin}"
        for column in contents.columns:
            yield from (f"      {line}" for line in _declared(column, _seen(contents, column.name)))
    else:
        yield f"    # columns of {contents.origin}:"
        yield from (f"    #   {line}" for line in _listed(contents.columns))
        if contents.omitted:
            yield "    columns:"
            yield from (f"      - {scalar(column.name)}" for column in contents.columns)
    if contents.omitted:
        yield f"    # omitted, their names are reserved or have hidden characters: {_shown(contents.omitted)}"
    required = (contents.always or [column.name for column in contents.columns])[:1]
    yield f"    # required: {flow(required)} # a record without it is a dead letter"
    yield "    # start: latest # or committed; by default earliest"
    if all(column.name != PROCESSING_TIME for column in contents.columns):
        yield f"    # processing_time: true # adds the column {PROCESSING_TIME}, for windows by Flink's clock"
    if time := contents.event_time:
        yield f"    # event_time: # the column {EVENT_TIME}, for windows by the records' own time; needs late"
        yield f"    #   column: {scalar(time.name)}{_needed_type(contents, time)}"
        yield "    #   delay: 5 s # how far out of order records may arrive"


def _rest(name: str, contents: TopicContents, sink: Starting) -> Iterator[str]:
    if contents.event_time:
        yield "# late: # records behind the watermark"
        yield f"#   kafka: {{topic: {scalar(f'{name}-late')}}} # it must exist"
    if not sink.every_record:
        yield "# dropped: # records that cannot be decoded; by default Parquet in the lake"
        yield "#   kafka: {topic: dead-letters} # it must exist"
    yield "# flink:"
    yield "#   parallelism: 2"
    yield "#   checkpoint_interval: 60 s"


def _needed_type(contents: TopicContents, time: Column) -> str:
    return "" if time in contents.columns else f" # which must be {time.type} above"


def _table(topic: str) -> str:
    name = re.sub("[^A-Za-z0-9_]", "_", topic)
    return name if re.match("[A-Za-z_]", name) else f"_{name}"


def _declared(column: Column, comment: str) -> list[str]:
    """A column with its type in YAML; the comment is before it if they need more than a line."""
    lines = dumped({column.name: literal(column.type)}, width=_WIDTH).split("\n")
    if len(lines) == 1 and len(lines[0]) + len(comment) <= _WIDTH:
        return [f"{lines[0]} {comment}".rstrip()]
    return [comment, *lines] if comment else lines


def _listed(columns: Sequence[Column]) -> Iterator[str]:
    """Columns and their types side by side; a long type continues below."""
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
    if column in contents.whole:
        doubt = "; whole numbers only: DOUBLE or DECIMAL if it can have a fraction"
    return f"# {_shown(contents.samples[column])}{doubt}"


def _shown(value: Any) -> str:
    """A value as JSON in one short line of characters that a YAML comment may have."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > _LONGEST_SAMPLE:
        text = f"{text[: _LONGEST_SAMPLE - 1]}…"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
