"""The lag of the consumer groups of pipelines."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from procstream_common.errors import ProcstreamError, ServerError
from procstream_common.kafka import KafkaCluster
from procstream_common.settings import KafkaSettings, load

from procstream_local.pipelines.environment import Remembered, recall
from procstream_local.stack.records import PipelineRecord

_ANSWER_SECONDS = 1.5

Partition = tuple[str, int]
"""Topic and number."""


def consumer_lags(pipelines: Sequence[PipelineRecord], stack: Mapping[str, str]) -> dict[str, int | None]:
    """Records between the committed offsets of each pipeline's group and the last stable offset, by pipeline.

    None before a group's first commit. A pipeline is missing if its Kafka does not answer. `stack` are the
    embedded stack's settings.
    """
    clusters: dict[KafkaSettings, list[str]] = defaultdict(list)
    for pipeline in pipelines:
        remembered = Remembered(pipeline.variables, pipeline.secrets)
        try:
            settings = load(KafkaSettings, recall(remembered, os.environ, (), stack))
        except ProcstreamError:
            continue
        clusters[settings].append(pipeline.name)
    lags: dict[str, int | None] = {}
    with ThreadPoolExecutor(max(1, len(clusters))) as pool:
        for found in pool.map(_cluster_lags, clusters, clusters.values()):
            lags |= found
    return lags


def total_lag(
    committed: Mapping[Partition, int], earliest: Mapping[Partition, int], latest: Mapping[Partition, int]
) -> int | None:
    """The lag of a group, given the offsets of all partitions; None if it has committed nothing.

    A partition of its topics without a committed offset counts from its start.
    """
    if not committed:
        return None
    topics = {topic for topic, _ in committed}
    return sum(
        max(0, end - max(committed.get(partition, 0), earliest[partition]))
        for partition, end in latest.items()
        if partition[0] in topics
    )


def _cluster_lags(settings: KafkaSettings, pipelines: Sequence[str]) -> dict[str, int | None]:
    cluster = KafkaCluster(settings, timeout=_ANSWER_SECONDS, properties={"log_level": 0})
    try:
        partitions = [
            (topic, number)
            for topic, metadata in cluster.topics().items()
            if not topic.startswith("__")
            for number in metadata.partitions
        ]
        with ThreadPoolExecutor(max(1, len(pipelines))) as pool:
            asked = {
                name: pool.submit(cluster.committed, f"procstream-{name}", partitions) for name in pipelines
            }
            committed = {name: answer.result() for name, answer in asked.items()}
        topics = {topic for offsets in committed.values() for topic, _ in offsets}
        read = [partition for partition in partitions if partition[0] in topics]
        # Up to the last stable offset: a read-committed consumer, such as the job, reads no further.
        earliest = _offsets(cluster, read, "earliest")
        latest = _offsets(cluster, read, "latest")
    except ServerError:
        return {}
    return {name: total_lag(offsets, earliest, latest) for name, offsets in committed.items()}


def _offsets(
    cluster: KafkaCluster, partitions: Sequence[Partition], at: Literal["earliest", "latest"]
) -> dict[Partition, int]:
    """Raises `ServerError` if one of them is not known."""
    found = {}
    for partition, offset in cluster.offsets(partitions, at, isolation="read_committed").items():
        if isinstance(offset, ServerError):
            raise offset
        found[partition] = offset
    return found
