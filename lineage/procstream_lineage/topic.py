"""The edge to Kafka: which offsets a topic has, and which of them hold no record."""

import time
from collections import defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import confluent_kafka as kafka
import numpy as np
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]
from procstream_common.errors import ProcstreamError
from procstream_common.settings import KafkaSettings
from rich.progress import Progress

from procstream_lineage.offsets import Runs, TopicPartition, coverage
from procstream_lineage.progress import SILENT

ANSWER_WITHIN_S = 10.0
"""How long the brokers may take to answer before they count as away."""

READ_THROUGH = 20_000
"""Gaps closer than this many offsets are read in one go: seeking costs a request, records only bandwidth."""

_MESSAGES_AT_ONCE = 10_000
_EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class TopicError(ProcstreamError):
    """The topic cannot be asked, so nothing can be said about what is in it."""

    exit_code = 2


@dataclass(frozen=True)
class Bounds:
    """The offsets `[start, end)` that a partition has for a reader of committed records.

    `start` is the log start offset, `end` the last stable offset (KIP-98): records of transactions still open
    lie above it.
    """

    start: int
    end: int


@dataclass(frozen=True)
class GapReading:
    """What reading some gaps in a topic has shown.

    `empty` are offsets without a record: transaction markers, aborted or compacted away. `unread` are those
    that could not be read in time, or are no longer there.
    """

    empty: Mapping[TopicPartition, Runs] = field(default_factory=dict)
    unread: Mapping[TopicPartition, Runs] = field(default_factory=dict)


class Cluster:
    """A Kafka cluster, asked for topics' offsets. Every call ends within `answer_within_s` or so."""

    def __init__(self, settings: KafkaSettings, *, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self._servers = settings.bootstrap_servers
        self._answer_within_s = answer_within_s
        self._failures: deque[kafka.KafkaError] = deque(maxlen=16)
        self._settings = {
            **settings.librdkafka(),
            "log_level": 0,  # what goes wrong is reported by us, once
            "error_cb": self._failures.append,
            "socket.timeout.ms": int(answer_within_s * 1000),
        }
        self._admin = AdminClient(self._settings)

    def bounds(self, topics: Collection[str]) -> dict[TopicPartition, Bounds]:
        """The offsets of every partition of the topics.

        Raises TopicError if the cluster does not answer or refuses us, or does not have a topic.
        """
        partitions = self._partitions(topics)
        start = self._offsets(partitions, _EARLIEST)
        end = self._offsets(partitions, _LATEST)
        return {partition: Bounds(start[partition], end[partition]) for partition in partitions}

    def high_watermarks(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """One more than the highest offset that each partition now has, in transactions still open too."""
        isolation = kafka.IsolationLevel.READ_UNCOMMITTED
        return self._offsets(partitions, _LATEST, isolation)

    def read_gaps(
        self,
        gaps: Mapping[TopicPartition, Runs],
        *,
        limit_s: float = 60.0,
        progress: Progress = SILENT,
    ) -> GapReading:
        """Find out which offsets in the gaps hold no record, by reading the topic there.

        Reading ends after `limit_s` seconds; what was not reached is `unread`. Raises TopicError if we may
        not read the topic.
        """
        gaps = {partition: runs for partition, runs in gaps.items() if runs}
        if not gaps:
            return GapReading()
        consumer = kafka.Consumer(
            {
                **self._settings,
                "group.id": "procstream-lineage",  # asked for by the client; no offset is ever committed
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 50,  # the end of a partition is told only then
                "enable.partition.eof": True,
            }
        )
        try:
            return _GapReader(consumer, gaps, progress).read(limit_s, self._answer_within_s)
        finally:
            consumer.close()

    def _partitions(self, topics: Collection[str]) -> list[TopicPartition]:
        """All topics are asked for: naming one could create it, where the brokers allow that."""
        known = self._metadata().topics
        partitions = []
        for topic in topics:
            if topic not in known:
                others = ", ".join(sorted(name for name in known if not name.startswith("_"))[:8])
                raise TopicError(
                    f"topic {topic!r}: not found at {self._servers}, which has {others or 'no topic'}"
                )
            if known[topic].error is not None:
                raise TopicError(f"topic {topic!r} at {self._servers}: {known[topic].error.str()}")
            partitions += [TopicPartition(topic, partition) for partition in sorted(known[topic].partitions)]
        return partitions

    def _metadata(self) -> Any:
        deadline = time.monotonic() + self._answer_within_s
        while True:
            try:
                return self._admin.list_topics(timeout=1.0)
            except kafka.KafkaException as error:
                self._admin.poll(0)  # serves error_cb, which knows the reason
                refused = self._refusal()
                if refused is None and time.monotonic() < deadline:
                    continue
                raise TopicError(f"{self._servers}: {refused or self._reason(error)}") from None

    def _offsets(
        self,
        partitions: Collection[TopicPartition],
        spec: OffsetSpec,
        isolation: kafka.IsolationLevel = kafka.IsolationLevel.READ_COMMITTED,
    ) -> dict[TopicPartition, int]:
        asked = {kafka.TopicPartition(topic, partition): spec for topic, partition in partitions}
        if not asked:
            return {}
        answers = self._admin.list_offsets(
            asked, isolation_level=isolation, request_timeout=self._answer_within_s
        )
        offsets = {}
        for place, answer in answers.items():
            try:
                offsets[TopicPartition(place.topic, place.partition)] = int(answer.result().offset)
            except kafka.KafkaException as error:
                raise TopicError(
                    f"topic {place.topic!r} at {self._servers}, partition {place.partition}: "
                    f"its offsets cannot be told ({error.args[0].str()})"
                ) from None
        return offsets

    def _refusal(self) -> str | None:
        """Why waiting will not help, if it will not."""
        hopeless = (
            kafka.KafkaError._AUTHENTICATION,
            kafka.KafkaError.SASL_AUTHENTICATION_FAILED,
            kafka.KafkaError._SSL,
        )
        for failure in self._failures:
            if failure.code() in hopeless:
                return f"the broker refuses us: {failure.str()}"
        return None

    def _reason(self, error: kafka.KafkaException) -> str:
        told = [f.str() for f in self._failures if f.code() != kafka.KafkaError._ALL_BROKERS_DOWN]
        last = told[-1] if told else error.args[0].str()
        return f"no broker answered within {self._answer_within_s:g} s ({last})"


class _GapReader:
    """Reads windows around the gaps of every partition, all partitions at once, each from low to high."""

    def __init__(
        self, consumer: kafka.Consumer, gaps: Mapping[TopicPartition, Runs], progress: Progress
    ) -> None:
        self._consumer = consumer
        self._gaps = gaps
        self._windows = {
            partition: deque((first, last + 1) for first, last in runs.joined(READ_THROUGH))
            for partition, runs in gaps.items()
        }
        self._position = {partition: windows[0][0] for partition, windows in self._windows.items()}
        self._passed: dict[TopicPartition, list[Runs]] = defaultdict(list)
        self._records: dict[TopicPartition, list[Runs]] = defaultdict(list)
        self._progress = progress

    def read(self, limit_s: float, silence_s: float) -> GapReading:
        total = sum(stop - first for windows in self._windows.values() for first, stop in windows)
        task = self._progress.add_task("reading gaps in the topic", total=total)
        starts = [kafka.TopicPartition(*at, offset) for at, offset in self._position.items()]
        self._consumer.assign(starts)
        deadline = time.monotonic() + limit_s
        heard = time.monotonic()
        while self._windows and (now := time.monotonic()) < deadline and now - heard < silence_s:
            messages = self._consumer.consume(_MESSAGES_AT_ONCE, timeout=0.2)
            if messages:
                heard = time.monotonic()
                self._take(messages)
                self._progress.update(task, completed=self._offsets_read())
        for partition, position in self._position.items():
            if partition in self._windows:
                self._passed[partition].append(Runs.between(self._windows[partition][0][0], position))
        self._progress.remove_task(task)
        return self._result()

    def _take(self, messages: Sequence[kafka.Message]) -> None:
        records: dict[TopicPartition, list[int]] = defaultdict(list)
        moved = set()
        for message in messages:
            partition = TopicPartition(message.topic() or "", message.partition() or 0)
            if partition not in self._windows:
                continue
            offset = message.offset() or 0
            error = message.error()
            if error is None:
                records[partition].append(offset)
                self._position[partition] = offset + 1
            elif error.code() == kafka.KafkaError._PARTITION_EOF:
                self._position[partition] = offset
            elif error.code() == kafka.KafkaError._AUTO_OFFSET_RESET:
                self._give_up(partition)  # deleted since by the topic's retention
                continue
            elif not error.retriable():
                raise TopicError(f"topic {partition.topic!r} cannot be read: {error.str()}")
            moved.add(partition)
        for partition, offsets in records.items():
            self._records[partition].append(Runs.from_offsets(np.array(offsets, dtype=np.int64))[0])
        for partition in moved & self._windows.keys():
            self._next_window(partition)

    def _next_window(self, partition: TopicPartition) -> None:
        """Once a window is passed go on to the next; only between batches, which may reach beyond it."""
        windows = self._windows[partition]
        first, stop = windows[0]
        if self._position[partition] < stop:
            return
        self._passed[partition].append(Runs.between(first, stop))
        windows.popleft()
        if not windows:
            self._give_up(partition)
            return
        self._position[partition] = windows[0][0]
        self._consumer.seek(kafka.TopicPartition(*partition, windows[0][0]))

    def _give_up(self, partition: TopicPartition) -> None:
        del self._windows[partition]
        self._consumer.incremental_unassign([kafka.TopicPartition(*partition)])

    def _offsets_read(self) -> int:
        passed = sum(runs.count for parts in self._passed.values() for runs in parts)
        begun = (self._position[at] - windows[0][0] for at, windows in self._windows.items())
        return passed + sum(begun)

    def _result(self) -> GapReading:
        empty, unread = {}, {}
        for partition, gap in self._gaps.items():
            passed = coverage(self._passed[partition])[0]
            records = coverage(self._records[partition])[0]
            empty[partition] = (gap & passed) - records
            unread[partition] = gap - passed
        return GapReading(
            {partition: runs for partition, runs in empty.items() if runs},
            {partition: runs for partition, runs in unread.items() if runs},
        )
