"""The records that a topic gets during a demo: committed ones only, each once."""

from dataclasses import dataclass
from typing import Any

from confluent_kafka import Message, TopicPartition
from procstream_common.errors import ServerError, UnavailableError
from procstream_common.kafka import KafkaCluster
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import KafkaSettings, RegistrySettings, load
from procstream_producer.tail.decoding import Decoder
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

_COORDINATOR_SECONDS = 30.0
_POLL_SECONDS = 0.2
_BATCH = 1000


@dataclass(frozen=True)
class Record:
    """A record of a topic."""

    partition: int
    offset: int
    value: Any
    """The decoded record: a JSON object, or a text if it is none."""


class Follower:
    """Collects the records of a topic from the given offsets on; every `poll` adds the new ones."""

    def __init__(self, topic: str, start: dict[int, int]) -> None:
        self.topic = topic
        self.records: list[Record] = []
        self._consumer = _cluster().consumer()
        self._decoder = Decoder(SchemaRegistry(load(RegistrySettings)).by_id)
        self._consumer.assign([TopicPartition(topic, number, offset) for number, offset in start.items()])

    def poll(self) -> None:
        """Add the records since the last call."""
        while True:
            messages = self._consumer.consume(_BATCH, _POLL_SECONDS)
            self.records += [self._record(message) for message in messages if message.error() is None]
            if len(messages) < _BATCH:  # the end, even if more arrive all the time
                return

    def _record(self, message: Message) -> Record:
        value = self._decoder.decode(message.value())
        return Record(int(message.partition() or 0), int(message.offset() or 0), value)

    def close(self) -> None:
        """End the connection."""
        self._consumer.close()


def ends(topic: str) -> dict[int, int]:
    """The offset after the last committed record of each partition."""
    cluster = _cluster()
    partitions = _partitions(cluster, topic)
    found = {}
    for (_, number), offset in cluster.offsets(partitions, "latest", isolation="read_committed").items():
        if isinstance(offset, ServerError):
            raise offset
        found[number] = offset
    return found


# A broker that has just started does not coordinate groups yet.
@retry(
    retry=retry_if_exception_type(UnavailableError),
    stop=stop_after_delay(_COORDINATOR_SECONDS),
    wait=wait_fixed(0.2),
    reraise=True,
)
def committed(group: str, topic: str) -> dict[int, int]:
    """Where a consumer group resumes in each partition of a topic: at 0 where it has committed nothing."""
    cluster = _cluster()
    partitions = _partitions(cluster, topic)
    found = cluster.committed(group, partitions)
    return {number: found.get((topic, number), 0) for _, number in partitions}


def _partitions(cluster: KafkaCluster, topic: str) -> list[tuple[str, int]]:
    return [(topic, number) for number in cluster.topics()[topic].partitions]


def _cluster() -> KafkaCluster:
    return KafkaCluster(load(KafkaSettings))
