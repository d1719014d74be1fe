"""The default demo: /proc/stat and a sample topic, through Kafka and Flink, into proven Parquet."""

import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import psutil
from procstream_common.lake import SINGLE_PATH_VARIABLES, LakePaths
from procstream_lineage import Report, Verdict, committed_files, render, verify_pipeline
from rich.console import Console

from procstream_local import pipelines
from procstream_local.demo import cpu_plot, stage
from procstream_local.stack.home import Home
from procstream_local.stack.records import RunOptions

PIPELINES = ("procstat-lineage", "lineage")
_RATE = 10.0
_LOOK_SECONDS = 1.0
_LAST_COMMIT_SECONDS = 60.0


def run(home: Home, options: stage.Options, console: Console) -> bool:
    """Run the demo; returns whether every record was proven to be in the lake exactly once.

    A stack that was up before stays up; a stack that the demo started ends with it.
    """
    # From the start of the interpreter: the user waits for the imports, too.
    began = time.monotonic() - (time.time() - psutil.Process().create_time())
    # It would set the same topic for both pipelines and both producers.
    os.environ.pop("KAFKA_TOPIC", None)
    with stage.running_stack(home, console):
        before = sum(_verify(name).committed for name in PIPELINES)
        with _running_pipelines(home, options, console):
            with stage.producing(home, _producers(options)):
                since = datetime.now(UTC)
                verified = _watch(options, console, before, began)
            reports = {name: _last_verify(name, console) for name in PIPELINES}
            if not verified:
                _report_first_verified(console, reports.values(), before, began)
    return _show(reports, since, console)


@contextmanager
def _running_pipelines(home: Home, options: stage.Options, console: Console) -> Iterator[None]:
    try:
        with console.status("submitting the pipelines"), ThreadPoolExecutor() as pool:
            flags = RunOptions(checkpoint_interval=options.checkpoint_interval)
            submitted = [pool.submit(pipelines.run, home, name, flags, _paths_of(name)) for name in PIPELINES]
            for future in submitted:
                stage.submitted(console, future.result())
        yield
    finally:
        for name in PIPELINES:
            if name in home.read().pipelines:
                pipelines.cancel(home, name)


def _paths_of(name: str) -> dict[str, str]:
    # A path for one pipeline gets a folder for each: two pipelines must not share a lake.
    given = {key: os.environ[key] for key in SINGLE_PATH_VARIABLES if key in os.environ}
    return {key: f"{path.rstrip('/')}/{name}" for key, path in given.items()}


def _producers(options: stage.Options) -> dict[str, tuple[str, ...]]:
    rate = _RATE if options.rate is None else options.rate
    return {
        "procstat": ("procstat", "--interval", str(options.interval)),
        "lineage-input": ("generate", "lineage-input", "--rate", str(rate)),
    }


def _watch(options: stage.Options, console: Console, before: int, began: float) -> bool:
    """Show commits until the duration is over, or Ctrl-C. Returns whether new Parquet was verified."""
    end = None if options.duration is None else time.monotonic() + options.duration
    verified = False
    with stage.stop_signal() as stop, stage.progress_bar(console) as progress:
        task = progress.add_task("waiting for the first commit", total=options.duration)
        while not stop() and (end is None or time.monotonic() < end):
            looked = time.monotonic()
            reports = [_verify(name) for name in PIPELINES]
            committed = sum(report.committed for report in reports)
            verified = verified or _report_first_verified(progress.console, reports, before, began)
            produced = sum(report.produced for report in reports)
            progress.update(
                task,
                description=f"{produced:,} records in Kafka, {committed:,} committed",
                completed=None if end is None else (options.duration or 0) - max(0.0, end - time.monotonic()),
            )
            # A larger lake takes longer to read: verification must not become the main load.
            time.sleep(max(_LOOK_SECONDS, 5 * (time.monotonic() - looked)) if verified else _LOOK_SECONDS)
    return verified


def _report_first_verified(console: Console, reports: Iterable[Report], before: int, began: float) -> bool:
    """Report the first commit after `before` that verifies. Returns whether there was one."""
    reports = list(reports)
    faulty = any(report.verdict is Verdict.NOT_PROVEN for report in reports)
    if faulty or sum(report.committed for report in reports) <= before:
        return False
    stage.tick(console, f"first verified Parquet [dim]{time.monotonic() - began:.1f} s after the start[/]")
    return True


def _verify(name: str, *, wait: float = 0, final: bool = False) -> Report:
    paths = LakePaths.of(name, {**os.environ, **_paths_of(name)})
    return verify_pipeline(name, paths=paths, wait=wait, final=final)


def _last_verify(name: str, console: Console) -> Report:
    with console.status(f"{name}: waiting for the last commit"):
        return _verify(name, wait=_LAST_COMMIT_SECONDS, final=True)


def _show(reports: dict[str, Report], since: datetime, console: Console) -> bool:
    for report in reports.values():
        console.print(render(report))
    paths = LakePaths.of("procstat-lineage", {**os.environ, **_paths_of("procstat-lineage")})
    snapshots = committed_files(paths.output, paths.commit_log)
    print(cpu_plot.draw(snapshots, console.width, since))
    totals = " ".join(
        f"{field}={sum(getattr(report, field) for report in reports.values())}"
        for field in ("produced", "committed", "dropped", "missing", "doubled", "unlogged")
    )
    print(f"demo: {totals}")
    return all(report.verdict is Verdict.PROVEN for report in reports.values())
