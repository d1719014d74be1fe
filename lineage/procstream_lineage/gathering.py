"""Gathers the evidence from Kafka and from the lake, and passes it to `judging`, which is pure.

While records are pending this is repeated.
"""

import os
import time
from collections.abc import Collection, Mapping
from dataclasses import replace

from procstream_common.kafka import KafkaCluster
from procstream_common.lake import LakePaths
from procstream_common.settings import KafkaSettings, load
from rich.progress import Progress

from procstream_lineage.commit_log import CommitLogReader
from procstream_lineage.dead_letters import causes
from procstream_lineage.judging import judge, limit_dropped
from procstream_lineage.lake import visible_files
from procstream_lineage.lake_side import LakeSide
from procstream_lineage.offsets import EMPTY, Runs, TopicPartition
from procstream_lineage.progress import SILENT
from procstream_lineage.report import Offsets, Report
from procstream_lineage.rows import RowReader
from procstream_lineage.storage import folder
from procstream_lineage.target import Lake, pipeline_target
from procstream_lineage.topic import Bounds, GapReading, TopicReader

SETTLE_S = 10.0
"""How long a commit may make no progress before the missing files of its checkpoint count as lost."""

READ_GAPS_S = 60.0
"""Limit for reading offsets without a record in the topic."""

_POLL_S = 1.0
_FEW = 10_000
"""At most so many pending offsets are read while waiting: they may be only transaction markers."""


def verify_pipeline(
    pipeline: str,
    *,
    paths: LakePaths | None = None,
    env: Mapping[str, str] | None = None,
    deep: bool = False,
    wait: float = 0.0,
    final: bool = False,
    progress: Progress = SILENT,
) -> Report:
    """Prove that a pipeline's lake has every record of its topics exactly once; see `verify_lake`.

    `pipeline` is the name of one that ships or the path of a pipeline file. Its lake is where the file and
    `env` (by default this process's environment) put it, unless `paths` are given. A pipeline that starts at
    the latest records answers for those from its first committed one on.
    """
    target = pipeline_target(pipeline, os.environ if env is None else env)
    return verify_lake(
        target.topics,
        target.lake if paths is None else Lake.of(paths),
        kafka=load(KafkaSettings, env),
        deep=deep,
        wait=wait,
        final=final,
        from_committed=target.from_latest,
        progress=progress,
    )


def verify_lake(
    topics: Collection[str],
    lake: Lake,
    *,
    kafka: KafkaSettings,
    deep: bool = False,
    wait: float = 0.0,
    final: bool = False,
    from_committed: bool = False,
    max_dropped: float | None = None,
    progress: Progress = SILENT,
) -> Report:
    """Prove that a lake has every record of the topics exactly once, or report what contradicts it.

    The end of the topics is read once, at the start. With `wait` the lake is read again, for that many
    seconds at most, until everything up to that end is committed; `final`: no job continues after
    that. `deep` reads the rows too. If more than `max_dropped` of the records (a share, 0 to 1) are dead
    letters, the lake is not proven. For the other arguments see `judge`.

    Raises ProcstreamError when Kafka or the lake cannot be asked, or a line of the log is wrong.
    """
    reader = TopicReader(KafkaCluster(kafka))
    lake_evidence = LakeEvidence(lake, deep, progress)
    topic_evidence = TopicEvidence(reader, reader.bounds(topics), from_committed, final, progress)
    deadline = time.monotonic() + wait
    task = progress.add_task("waiting for commits", total=None, visible=False)
    while True:
        now = time.monotonic()
        last = now >= deadline
        report = topic_evidence.report(*lake_evidence.look(), last=last)
        if last or not (report.pending or report.evidence.settling):
            break
        progress.update(task, description=f"waiting for {report.pending:,} records", visible=True)
        pause = max(_POLL_S, time.monotonic() - now)  # a large lake is not listed all the time
        time.sleep(max(0.0, min(pause, deadline - time.monotonic())))
    progress.remove_task(task)
    if report.missing and not (final and last):
        report = _settled(lake_evidence, topic_evidence, report)
    if report.dropped and lake.dropped is not None:
        report = replace(report, causes=causes(lake.dropped, topics))
    return report if max_dropped is None else limit_dropped(report, max_dropped)


def _settled(lake_evidence: "LakeEvidence", topic_evidence: "TopicEvidence", report: Report) -> Report:
    """Look again before reporting records as missing: a commit may have been in progress."""
    still = time.monotonic()
    while report.missing:
        before = report.missing
        time.sleep(_POLL_S if report.evidence.settling else 0.0)
        report = topic_evidence.report(*lake_evidence.look(), last=True)
        if report.missing != before:
            still = time.monotonic()
        elif not report.evidence.settling or time.monotonic() - still >= SETTLE_S:
            break
    return report


class LakeEvidence:
    """What a lake has, read repeatedly; no file is read twice."""

    def __init__(self, lake: Lake, deep: bool, progress: Progress = SILENT) -> None:
        self._folders = [(folder(place.data), folder(place.log)) for place in lake.places.values()]
        self._logs = [CommitLogReader(log, progress) for _, log in self._folders]
        self._rows = [RowReader(data, progress) for data, _ in self._folders] if deep else None

    def look(self) -> tuple[LakeSide, LakeSide]:
        """The lake as it is now.

        Files are listed before logs are read, so every visible file has its entry by then.
        """
        visible = [visible_files(data, besides=log) for data, log in self._folders]
        sides = [LakeSide(files, log.read()) for files, log in zip(visible, self._logs, strict=True)]
        if self._rows is not None:
            sides = [
                replace(side, rows=rows.read(side.committed))
                for side, rows in zip(sides, self._rows, strict=True)
            ]
        output, dropped = [*sides, LakeSide()][:2]
        return output, dropped


class TopicEvidence:
    """The topic's bounds, and what is known about offsets that were not found in the lake."""

    def __init__(
        self,
        reader: TopicReader,
        bounds: Mapping[TopicPartition, Bounds],
        from_committed: bool,
        final: bool,
        progress: Progress,
    ) -> None:
        self._reader = reader
        self._bounds = bounds
        self._from_committed = from_committed
        self._final = final
        self._progress = progress
        self._gaps = GapReading()
        self._examined: Offsets = {}

    def report(self, output: LakeSide, dropped: LakeSide, *, last: bool) -> Report:
        """Judge what was found.

        Gaps are read in the topic, each offset once; pending ones only if they are few, or at `last`.
        """
        final = self._final and last
        report = self._judge(output, dropped, final)
        unclear = _united(report.evidence.missing, report.evidence.pending if last else {})
        if report.pending <= _FEW:
            unclear = _united(unclear, report.evidence.pending)
        new = {at: runs - self._examined.get(at, EMPTY) for at, runs in unclear.items()}
        new = {at: runs for at, runs in new.items() if runs}
        if new:
            reading = self._reader.read_gaps(new, limit_s=READ_GAPS_S, progress=self._progress)
            self._examined = _united(self._examined, new)
            self._gaps = GapReading(
                _united(self._gaps.empty, reading.empty), _united(self._gaps.unread, reading.unread)
            )
            report = self._judge(output, dropped, final)
        if report.evidence.beyond_end and (last or not report.pending):
            report = self._judge(output, dropped, final, self._reader.high_watermarks(self._bounds))
        return report

    def _judge(
        self,
        output: LakeSide,
        dropped: LakeSide,
        final: bool,
        high_watermarks: Mapping[TopicPartition, int] | None = None,
    ) -> Report:
        return judge(
            self._bounds,
            output,
            dropped,
            gaps=self._gaps,
            high_watermarks=high_watermarks,
            from_committed=self._from_committed,
            final=final,
        )


def _united(one: Offsets, other: Offsets) -> dict[TopicPartition, Runs]:
    return {at: one.get(at, EMPTY) | other.get(at, EMPTY) for at in one.keys() | other.keys()}
