"""Topics: made if absent, then waited for until every partition has a leader."""

from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._metadata import ClusterMetadata
from confluent_kafka.cimpl import NewTopic
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from procstream_common.errors import ProcstreamError
from procstream_common.provisioning.specs import TopicSpec

_REQUEST_SECONDS = 10


class _NotReadyError(ProcstreamError):
    """A topic has partitions without a leader."""


def ensure_topics(admin: AdminClient, topics: Iterable[TopicSpec], *, timeout: float = 30) -> list[str]:
    """Create the topics that are absent; return when every partition of each has a leader.

    `timeout` is in seconds. Returns the names that were created; existing topics are left as they
    are. Raises `ProcstreamError` with the broker's reason.
    """
    wanted = {topic.topic_name: topic for topic in topics}
    existing = _metadata(admin).topics
    new = [
        NewTopic(name, topic.partitions, topic.replication_factor, config=topic.config)
        for name, topic in wanted.items()
        if name not in existing
    ]
    created = (
        [name for name, future in admin.create_topics(new).items() if _created(name, future)] if new else []
    )
    _wait_for_leaders(admin, wanted, timeout)
    return created


def _created(name: str, future: "object") -> bool:
    try:
        future.result(timeout=_REQUEST_SECONDS)  # type: ignore[attr-defined]
    except KafkaException as error:
        reason: KafkaError = error.args[0]
        if reason.code() == KafkaError.TOPIC_ALREADY_EXISTS:  # another client was faster
            return False
        raise ProcstreamError(f"topic {name} could not be created: {reason.str()}") from error
    return True


def _wait_for_leaders(admin: AdminClient, wanted: dict[str, TopicSpec], timeout: float) -> None:
    # A broker answers the creation before leaders are elected; producing then fails for a moment.
    @retry(
        retry=retry_if_exception_type(_NotReadyError),
        stop=stop_after_delay(timeout),
        wait=wait_fixed(0.1),
        reraise=True,
    )
    def check() -> None:
        topics = _metadata(admin).topics
        for name in wanted:
            topic = topics.get(name)
            if topic is None or topic.error is not None or not topic.partitions:
                raise _NotReadyError(f"topic {name} is not known to the broker after {timeout:.0f} s")
            leaderless = [number for number, partition in topic.partitions.items() if partition.leader < 0]
            if leaderless:
                raise _NotReadyError(
                    f"topic {name}: partitions {leaderless} have no leader after {timeout:.0f} s"
                )

    check()


def _metadata(admin: AdminClient) -> ClusterMetadata:
    try:
        return admin.list_topics(timeout=_REQUEST_SECONDS)
    except KafkaException as error:
        raise ProcstreamError(f"Kafka did not answer: {error.args[0].str()}") from error
