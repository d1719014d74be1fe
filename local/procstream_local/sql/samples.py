"""Some records of topics, to tell their columns from."""

import time
from collections import Counter
from collections.abc import Collection
from contextlib import closing
from math import ceil

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from procstream_common.errors import ProcstreamError
from procstream_common.settings import KafkaSettings
from procstream_lineage.topic import Cluster

_BATCH = 500


def newest(
    kafka: KafkaSettings, topics: Collection[str], *, count: int = 100, timeout: float = 5
) -> dict[str, list[bytes]]:
    """About the newest `count` values of each topic, from all its partitions; tombstones are left out.

    After `timeout` seconds it is what has come. Raises `ProcstreamError` when Kafka does not answer.
    """
    found: dict[str, list[bytes]] = {topic: [] for topic in topics}
    if not topics:
        return found
    bounds = Cluster(kafka).bounds(topics)
    partitions = Counter(place.topic for place in bounds)
    begin = [
        TopicPartition(
            place.topic, place.partition, max(bound.start, bound.end - ceil(count / partitions[place.topic]))
        )
        for place, bound in bounds.items()
        if bound.end > bound.start
    ]
    try:
        _read(kafka, begin, found, timeout)
    except KafkaException as error:
        raise ProcstreamError(
            f"KAFKA_BOOTSTRAP_SERVERS {kafka.bootstrap_servers}: {error.args[0].str()}"
        ) from error
    return {topic: values[-count:] for topic, values in found.items()}


def _read(
    kafka: KafkaSettings, begin: list[TopicPartition], found: dict[str, list[bytes]], timeout: float
) -> None:
    settings = {
        "group.id": "procstream-sql",  # asked for by the client; no offset is ever committed
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        # Where retention has removed the record that we would begin at.
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 50,  # the end of a partition is told only then
    }
    deadline = time.monotonic() + timeout
    with closing(Consumer({**kafka.librdkafka(), **settings})) as consumer:
        consumer.assign(begin)
        unread = len(begin)
        while unread and time.monotonic() < deadline:
            for message in consumer.consume(_BATCH, timeout=0.2):
                topic, value, error = message.topic(), message.value(), message.error()
                if error is None and topic is not None and value is not None:
                    found[topic].append(value)
                elif error is not None and error.code() == KafkaError._PARTITION_EOF:
                    unread -= 1
                elif error is not None:
                    raise KafkaException(error)
