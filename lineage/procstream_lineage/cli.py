"""`procstream lineage`: prove a lake, trace a record, list what a checkpoint committed."""

import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from procstream_common.cli import run
from procstream_common.durations import parse_duration
from procstream_common.errors import ProcstreamError, ServerError
from procstream_common.settings import KafkaSettings, load
from rich.console import Console
from rich.table import Table

from procstream_lineage import progress
from procstream_lineage.checkpoints import Checkpoint, CheckpointFile, checkpoint_files, checkpoints
from procstream_lineage.gathering import verify_lake
from procstream_lineage.render import dead_letters, findings, headline, render, summary
from procstream_lineage.target import Target, find_target, shipped_lakes
from procstream_lineage.trace import Trace, trace_offset, trace_value

app = typer.Typer(
    help="Prove that every record of a topic is in the lake exactly once, and trace single ones.",
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)

_WIDEST_VALUE = 200


class UndecidedError(ProcstreamError):
    """A failure prevented a result: neither proven nor disproven, neither found nor absent."""

    exit_code = 2


Pipeline = Annotated[
    str | None,
    typer.Argument(help="Name of a shipped pipeline, or path of a pipeline file.", show_default=False),
]
Output = Annotated[str | None, typer.Option(help="Folder or s3:// URI of the output.", show_default=False)]
CommitLog = Annotated[
    str | None, typer.Option(help="Folder or s3:// URI of its commit log.", show_default=False)
]
Dropped = Annotated[
    str | None, typer.Option(help="Folder or s3:// URI of the dropped records.", show_default=False)
]
Topics = Annotated[
    list[str] | None, typer.Option("--topic", help="Topic; repeat the option for more.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def seconds(text: str) -> float:
    """A duration such as `90` (seconds), `90s`, `2 min` or `1h`; raises ProcstreamError for anything else."""
    try:
        return parse_duration(text, at_least=timedelta(), default_unit="s").total_seconds()
    except ValueError as error:
        raise ProcstreamError(f"--wait: {error}") from None


def share(text: str) -> float:
    """A share such as `0.1%` or `0.001` as a number from 0 to 1; raises ProcstreamError for anything else."""
    number, percent_sign, rest = text.strip().partition("%")
    try:
        found = float(number) / (100 if percent_sign else 1)
    except ValueError:
        found = math.nan
    if rest or not 0 <= found <= 1:
        raise ProcstreamError(f"--max-dropped: found {text!r}, expected a share such as 0.1% or 0.001")
    return found


@app.command()
def verify(
    pipeline: Pipeline = None,
    topic: Topics = None,
    output: Output = None,
    commit_log: CommitLog = None,
    dropped: Dropped = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read the rows too, not only the log.")] = False,
    wait: Annotated[
        str, typer.Option(metavar="DURATION", help="Time to wait for records to be committed, e.g. 90s.")
    ] = "0s",
    final: Annotated[
        bool, typer.Option("--final", help="No job will continue: what is not committed now is missing.")
    ] = False,
    from_committed: Annotated[
        bool,
        typer.Option(
            "--from-committed", help="Expect nothing before each partition's first committed record."
        ),
    ] = False,
    max_dropped: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE",
            help="More dead letters than this are not proven: 0.1% of the records.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that every record is committed exactly once. Exit code 0: proven, 1: not proven, 2: unknown."""
    try:
        target = _target(pipeline, topic or (), output, commit_log, dropped)
        if not target.topics:
            raise ProcstreamError("found no topic, expected a pipeline, --topic or KAFKA_TOPIC")
        with progress.on_stderr() as display:
            report = verify_lake(
                target.topics,
                target.lake,
                kafka=load(KafkaSettings),
                deep=deep,
                wait=seconds(wait),
                final=final,
                from_committed=from_committed or target.from_latest,
                max_dropped=None if max_dropped is None else share(max_dropped),
                progress=display,
            )
    except ProcstreamError as error:
        raise UndecidedError(str(error)) from error
    if as_json:
        print(json.dumps(report.as_json()))
    else:
        console = Console(highlight=False)
        console.print(render(report), "")
        if target.selects and report.missing:
            console.print("the pipeline has a query: records that it omits count as missing", style="dim")
        _print_lines(console, [*findings(report), *dead_letters(report)])
        _print_lines(console, [headline(report), summary(report)])
    raise typer.Exit(report.verdict.exit_code)


@app.command()
def trace(
    value: Annotated[str | None, typer.Argument(metavar="[UUID]", show_default=False)] = None,
    pipeline: Annotated[
        str | None, typer.Option(help="Name or path of a pipeline; by default all that ship.")
    ] = None,
    output: Output = None,
    commit_log: CommitLog = None,
    dropped: Dropped = None,
    column: Annotated[str, typer.Option(help="Column that has the value.")] = "uuid",
    offset: Annotated[
        str | None,
        typer.Option(metavar="TOPIC/PARTITION/OFFSET", help="Look up an offset, in the logs alone."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find a record: its offset, its file, and the checkpoint that committed it. Exit code 1: not found."""
    if (value is None) == (offset is None):
        raise ProcstreamError("expected either a value to find or --offset")
    if pipeline or output or commit_log:
        lakes = [_target(pipeline, (), output, commit_log, dropped).lake]
    else:
        lakes = shipped_lakes(os.environ)
    with _undecided_without_storage():
        if offset is not None:
            found = trace_offset(lakes, offset)
        else:
            with progress.on_stderr() as display:
                found = trace_value(lakes, value or "", column=column, progress=display)
    if as_json:
        print(json.dumps({"traces": [asdict(trace) for trace in found]}, default=_plain))
        return
    console = Console(highlight=False)
    for trace in found:
        _print_lines(console, list(_trace_lines(trace)))


@app.command()
def files(
    pipeline: Pipeline = None,
    output: Output = None,
    commit_log: CommitLog = None,
    dropped: Dropped = None,
    checkpoint: Annotated[
        int | None, typer.Option(help="Only this checkpoint, file by file.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List checkpoints and what they committed; with --checkpoint, the files of one."""
    with _undecided_without_storage():
        listed = checkpoint_files(_target(pipeline, (), output, commit_log, dropped).lake, checkpoint)
    if checkpoint is not None and not listed:
        raise ProcstreamError(f"checkpoint: found {checkpoint}, expected one in the commit log")
    if as_json:
        rows: Sequence[Any] = listed if checkpoint is not None else checkpoints(listed)
        name = "files" if checkpoint is not None else "checkpoints"
        print(json.dumps({name: [asdict(row) for row in rows]}, default=_plain))
        return
    console = Console(highlight=False)
    if checkpoint is not None:
        _print_files(console, listed)
    elif listed:
        console.print(_checkpoints_table(checkpoints(listed)))
    else:
        console.print("no checkpoint has committed anything yet")


def main() -> None:
    """Entry point."""
    run(app)


@contextmanager
def _undecided_without_storage() -> Iterator[None]:
    try:
        yield
    except ServerError as error:
        raise UndecidedError(str(error)) from error


def _target(
    pipeline: str | None,
    topics: Sequence[str],
    output: str | None,
    commit_log: str | None,
    dropped: str | None,
) -> Target:
    return find_target(
        pipeline, os.environ, topics=topics, output=output, commit_log=commit_log, dropped=dropped
    )


def _trace_lines(trace: Trace) -> Iterator[str]:
    """Lines, not a table, so that paths are not broken."""
    facts = {
        "offset": f"{trace.topic}/{trace.partition}/{trace.offset}",
        "checkpoint": str(trace.checkpoint_id),
        "file": trace.file if trace.certain else f"perhaps {trace.file}",
        "committed": f"{_second(trace.commit_timestamp)} UTC ({trace.place})",
        "log": trace.log_file,
    }
    yield from (f"{name:12}{fact}" for name, fact in facts.items())
    if trace.record is not None:
        yield "record"
        width = max(map(len, trace.record), default=0) + 2
        yield from (f"  {name:{width}}{_short(value)}" for name, value in trace.record.items())


def _short(value: Any) -> str:
    text = json.dumps(value, default=_plain) if isinstance(value, list | dict) else _plain(value)
    return text if len(text) <= _WIDEST_VALUE else f"{text[:_WIDEST_VALUE]}… (complete with --json)"


def _checkpoints_table(listed: Sequence[Checkpoint]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("checkpoint", "files", "absent", "records", "bytes"):
        table.add_column(name, justify="right")
    table.add_column("committed (UTC)")
    for checkpoint in listed:
        table.add_row(
            str(checkpoint.checkpoint_id),
            str(checkpoint.files),
            str(checkpoint.absent),
            _or_unknown(checkpoint.records),
            str(checkpoint.size_bytes),
            _second(checkpoint.commit_timestamp),
        )
    return table


def _print_files(console: Console, listed: Sequence[CheckpointFile]) -> None:
    """Lines, not a table, so that the long names of files are not broken."""
    for file in listed:
        state = file.place if file.exists else "absent"
        numbers = f"{_or_unknown(file.records):>10} records {_or_unknown(file.size_bytes):>12} bytes"
        line = f"{state:8}{numbers}  {_second(file.commit_timestamp)}  {file.file}"
        _print_lines(console, [line])


def _print_lines(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(line, soft_wrap=True, markup=False)


def _or_unknown(number: int | None) -> str:
    return "?" if number is None else str(number)


def _second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _plain(value: Any) -> str:
    """Values that JSON lacks: times as ISO-8601, bytes as hex."""
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
