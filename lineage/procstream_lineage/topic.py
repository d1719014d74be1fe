"""The edge to Kafka: which offsets a topic has, and which of them hold no record."""

import time
from collections import defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import confluent_kafka as kafka
import numpy as np
from procstream_common.errors import NotFoundError, Server, ServerError, UnavailableError
from procstream_common.kafka import Isolation, KafkaCluster, server_error
from rich.progress import Progress

from procstream_lineage.offsets import Runs, TopicPartition, coverage
from procstream_lineage.progress import SILENT

READ_THROUGH = 20_000
"""Gaps closer than this many offsets are read together: seeking costs a request, records only bandwidth."""

_MESSAGES_AT_ONCE = 10_000


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


class TopicReader:
    """Asks a cluster which offsets topics have. Every call ends within the cluster's `timeout` or so."""

    def __init__(self, cluster: KafkaCluster) -> None:
        self._cluster = cluster

    def bounds(self, topics: Collection[str]) -> dict[TopicPartition, Bounds]:
        """The offsets of every partition of the topics.

        Raises:
            NotFoundError: there is no such topic.
            ServerError: the cluster does not answer, or refuses access.
        """
        partitions = self._partitions(topics)
        start = self._offsets(partitions, "earliest", "read_committed")
        end = self._offsets(partitions, "latest", "read_committed")
        return {partition: Bounds(start[partition], end[partition]) for partition in partitions}

    def high_watermarks(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """One more than the highest offset that each partition has now, open transactions included."""
        return self._offsets(partitions, "latest", "read_uncommitted")

    def read_gaps(
        self,
        gaps: Mapping[TopicPartition, Runs],
        *,
        limit_s: float = 60.0,
        progress: Progress = SILENT,
    ) -> GapReading:
        """Find out which offsets in the gaps hold no record, by reading the topic there.

        Reading ends after `limit_s` seconds; what was not reached is `unread`. Raises `ServerError` when
        the topic may not be read.
        """
        gaps = {partition: runs for partition, runs in gaps.items() if runs}
        if not gaps:
            return GapReading()
        consumer = self._cluster.consumer(
            {
                "group.id": "procstream-lineage",
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 50,  # the end of a partition is reported only after that
                "enable.partition.eof": True,
            }
        )
        try:
            return _GapReader(consumer, gaps, progress).read(limit_s, self._cluster.timeout)
        finally:
            consumer.close()

    def _partitions(self, topics: Collection[str]) -> list[TopicPartition]:
        known = self._cluster.topics()
        partitions = []
        for topic in topics:
            if topic not in known:
                others = (
                    ", ".join(sorted(name for name in known if not name.startswith("_"))[:8]) or "no topic"
                )
                raise NotFoundError(
                    Server.KAFKA, f"topic {topic!r}: not found at {self._cluster.servers}, it has {others}"
                )
            if (error := known[topic].error) is not None:
                raise server_error(error, f"topic {topic!r} at {self._cluster.servers}: {error.str()}")
            partitions += [TopicPartition(topic, partition) for partition in sorted(known[topic].partitions)]
        return partitions

    def _offsets(
        self, partitions: Collection[TopicPartition], at: Literal["earliest", "latest"], isolation: Isolation
    ) -> dict[TopicPartition, int]:
        found = self._cluster.offsets(partitions, at, isolation=isolation)
        offsets = {}
        for partition in partitions:
            offset = found[partition]
            if isinstance(offset, ServerError):
                raise offset
            offsets[partition] = offset
        return offsets


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
                self._give_up(partition)  # the topic's retention has deleted it
                continue
            else:
                explained = server_error(error, f"topic {partition.topic!r} cannot be read: {error.str()}")
                if not isinstance(explained, UnavailableError):
                    raise explained
            moved.add(partition)
        for partition, offsets in records.items():
            self._records[partition].append(Runs.from_offsets(np.array(offsets, dtype=np.int64))[0])
        for partition in moved & self._windows.keys():
            self._next_window(partition)

    def _next_window(self, partition: TopicPartition) -> None:
        """Go to the next window once one is passed; only between batches, which may reach beyond it."""
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
