"""How far the consumer groups of pipelines are behind."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition
from procstream_common.errors import ProcstreamError
from procstream_common.settings import KafkaSettings, load
from procstream_lineage.offsets import TopicPartition
from procstream_lineage.topic import Bounds, Cluster

from procstream_local.pipelines.environment import Remembered, recall
from procstream_local.stack.home import PipelineRecord

_ANSWER_SECONDS = 1.5

Committed = dict[TopicPartition, int]


def consumer_lags(pipelines: Sequence[PipelineRecord], stack: Mapping[str, str]) -> dict[str, int | None]:
    """Records between what each pipeline's group has committed and the last stable offset, by pipeline.

    None before a group's first commit; a pipeline is left out when its cluster does not answer. `stack` has
    the embedded stack's settings.
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


def total_lag(committed: Committed, bounds: Mapping[TopicPartition, Bounds]) -> int | None:
    """The lag of a group, given the bounds of its topics' partitions; None if it has committed nothing.

    A partition that it has not committed counts from its beginning.
    """
    if not committed:
        return None
    topics = {place.topic for place in committed}
    return sum(
        max(0, bound.end - max(committed.get(place, bound.start), bound.start))
        for place, bound in bounds.items()
        if place.topic in topics
    )


def _cluster_lags(settings: KafkaSettings, pipelines: Sequence[str]) -> dict[str, int | None]:
    try:
        committed = _committed(settings, pipelines)
        topics = {place.topic for offsets in committed.values() for place in offsets}
        bounds = Cluster(settings, answer_within_s=_ANSWER_SECONDS).bounds(topics) if topics else {}
    except (ProcstreamError, KafkaException):
        return {}
    return {name: total_lag(offsets, bounds) for name, offsets in committed.items()}


def _committed(settings: KafkaSettings, pipelines: Sequence[str]) -> dict[str, Committed]:
    # Not by the admin client: librdkafka 2.16 now and then crashes where it asks for a group's offsets.
    with ThreadPoolExecutor(max(1, len(pipelines))) as pool:
        asked = {name: pool.submit(_offsets, settings, f"procstream-{name}") for name in pipelines}
    return {name: answer.result() for name, answer in asked.items()}


def _offsets(settings: KafkaSettings, group: str) -> Committed:
    consumer = Consumer({**settings.librdkafka(), "group.id": group, "log_level": 0})
    try:
        topics = consumer.list_topics(timeout=_ANSWER_SECONDS).topics
        places = [
            KafkaPartition(name, number)
            for name, topic in topics.items()
            if not name.startswith("__")
            for number in topic.partitions
        ]
        found = consumer.committed(places, _ANSWER_SECONDS)
    finally:
        consumer.close()
    return {
        TopicPartition(place.topic, place.partition): place.offset
        for place in found
        if place.error is None and place.offset >= 0
    }
