"""The demo of a pipeline that writes topics or a table: real records, and an account of each of them."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from procstream_common import postgres
from procstream_common.settings import PostgresSettings, load
from procstream_job.file.model import Pipeline
from procstream_job.file.reading import load_pipeline
from procstream_job.formats.json.options import JsonSource
from psycopg import sql
from rich.console import Console

from procstream_local import pipelines
from procstream_local.demo import stage
from procstream_local.demo.accounts import Account, Evidence
from procstream_local.demo.scenes import Scene
from procstream_local.demo.topics import Follower, committed, ends
from procstream_local.stack.home import Home
from procstream_local.stack.records import RunOptions

_LOOK_SECONDS = 1.0
_SHOWN = 3


def run(name: str, scene: Scene, home: Home, options: stage.Options, console: Console) -> bool:
    """Run the demo of a shipped pipeline to its end; True when every record was accounted for."""
    pipeline = load_pipeline(name)
    with (
        stage.running_stack(home, console, ("postgres",) if scene.table else ()),
        closing(_Witness(pipeline, scene)) as witness,
    ):
        with _running_pipeline(name, home, options, console):
            with stage.producing(home, {name: _generator(scene, options)}):
                _watch(witness, scene, options, console)
            account = _settle(witness, scene, console)
        _show(witness, account, console)
        return account.balanced


def _generator(scene: Scene, options: stage.Options) -> tuple[str, ...]:
    return scene.generator if options.rate is None else (*scene.generator, "--rate", str(options.rate))


@dataclass
class _Witness:
    """Observes what a pipeline reads and writes, from the offsets that it resumes from."""

    pipeline: Pipeline
    scene: Scene
    _followers: dict[str, Follower] = field(default_factory=dict)
    _rows_before: int = 0

    def __post_init__(self) -> None:
        [source] = self.pipeline.sources.values()
        start = committed(f"procstream-{self.pipeline.name}", source.topic)
        self._followers[source.topic] = Follower(source.topic, start)
        for topic in (*self.written_topics, *filter(None, (self.dropped_topic, self.late_topic))):
            self._followers[topic] = Follower(topic, ends(topic))
        self._rows_before = self._rows()

    @property
    def written_topics(self) -> list[str]:
        return [o.sink.kafka.topic for o in self.pipeline.all_outputs if o.sink.kafka]

    @property
    def dropped_topic(self) -> str | None:
        return self.pipeline.dropped.kafka.topic if self.pipeline.dropped.kafka else None

    @property
    def late_topic(self) -> str | None:
        return self.pipeline.late.kafka.topic if self.pipeline.late else None

    def look(self) -> Evidence:
        """Everything until now. The output is read before the input, so that it cannot be ahead of it."""
        [source] = self.pipeline.sources.values()
        for follower in reversed(self._followers.values()):
            follower.poll()
        parameters = {**self.pipeline.parameters, **os.environ}
        return Evidence(
            read=tuple(self._followers[source.topic].records),
            written={topic: tuple(self._followers[topic].records) for topic in self.written_topics},
            rows=self._rows() - self._rows_before,
            dropped=self._places(self.dropped_topic),
            late=self._places(self.late_topic),
            parameters={name: float(parameters[name]) for name in self.pipeline.parameters},
            columns=source.columns if isinstance(source, JsonSource) else {},
            required=source.required,
        )

    def close(self) -> None:
        for follower in self._followers.values():
            follower.close()

    def _places(self, topic: str | None) -> frozenset[tuple[int, int]]:
        """Partition and offset of the records that this pipeline wrote to its dead-letter or late topic."""
        records = self._followers[topic].records if topic else []
        return frozenset(
            (record.value["kafka_partition"], record.value["kafka_offset"])
            for record in records
            if record.value.get("pipeline") in (None, self.pipeline.name)
        )

    def _rows(self) -> int:
        return _count(self.scene.table) if self.scene.table else 0


@contextmanager
def _running_pipeline(name: str, home: Home, options: stage.Options, console: Console) -> Iterator[None]:
    with console.status(f"submitting {name}"):
        pipeline = pipelines.run(home, name, RunOptions(checkpoint_interval=options.checkpoint_interval))
    stage.submitted(console, pipeline)
    try:
        yield
    finally:
        with console.status(f"stopping {name} with a savepoint"):
            pipelines.stop(home, name)


def _watch(witness: _Witness, scene: Scene, options: stage.Options, console: Console) -> None:
    """Show the counts until the time is over, or Ctrl-C."""
    seconds = options.duration or scene.seconds
    end = time.monotonic() + seconds
    with stage.stop_signal() as stop, stage.progress_bar(console) as progress:
        task = progress.add_task("waiting for the first record", total=seconds)
        while not stop() and (left := end - time.monotonic()) > 0:
            line = scene.check(witness.look()).line
            progress.update(task, description=line, completed=seconds - left)
            time.sleep(min(_LOOK_SECONDS, left))


def _settle(witness: _Witness, scene: Scene, console: Console) -> Account:
    """The account, as soon as it is balanced or the time for it is over."""
    deadline = time.monotonic() + scene.settle_seconds
    with stage.stop_signal() as stop, console.status("waiting for the last results"):
        while not (account := scene.check(witness.look())).balanced or not account.counts["in"]:
            if stop() or time.monotonic() > deadline:
                break
            time.sleep(_LOOK_SECONDS)
    return account


def _show(witness: _Witness, account: Account, console: Console) -> None:
    evidence = witness.look()
    for topic, records in evidence.written.items():
        console.print(f"\n[bold]{topic}[/]", highlight=False)
        for record in records[-_SHOWN:]:
            print(json.dumps(record.value, ensure_ascii=False))
    if witness.scene.table:
        console.print(f"\n[bold]{witness.scene.table}[/]", highlight=False)
        for row in _last_rows(witness.scene.table):
            print("\t".join(str(value) for value in row))
    console.print()
    for mistake in account.mistakes[:_SHOWN]:
        console.print(f"[red]✗[/] {mistake}", highlight=False)
    print(f"demo: {account.line}")


def _count(table: str) -> int:
    if not _query("SELECT to_regclass(%s)::text", table)[0][0]:
        return 0
    [[count]] = _query(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
    return int(str(count))


def _last_rows(table: str) -> Sequence[tuple[object, ...]]:
    query = sql.SQL("SELECT * FROM {} ORDER BY 1 DESC LIMIT {}")
    return _query(query.format(sql.Identifier(table), sql.Literal(_SHOWN)))


def _query(query: str | sql.Composed, *parameters: object) -> Sequence[tuple[object, ...]]:
    text = query.encode() if isinstance(query, str) else query
    with postgres.connect(load(PostgresSettings)) as connection:
        return connection.execute(text, parameters).fetchall()
