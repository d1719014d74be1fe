"""Clients of Kafka: created here, with their settings, and what their errors mean.

librdkafka retries forever, even where another attempt changes nothing, and a call only times out. The reason
is what its own threads report (`error_cb`): `ClientErrors` keeps it.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)

from procstream_common.errors import (
    ConflictError,
    NotFoundError,
    RefusedError,
    Server,
    ServerError,
    UnavailableError,
)

if TYPE_CHECKING:  # the sampler uses this module without pydantic and without the admin client
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.admin._metadata import TopicMetadata

    from procstream_common.settings import KafkaSettings

Partition = tuple[str, int]
"""Topic and number of a partition."""
Isolation = Literal["read_committed", "read_uncommitted"]
Create = Callable[[type[Any], dict[str, Any]], Any]
"""Creates a client of a class with librdkafka's properties."""

_FIRST_ATTEMPT_SECONDS = 0.5
_PAUSE_SECONDS = 0.1

_CREDENTIALS = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError._SSL,  # a certificate; a connection that a restarting broker closes is _TRANSPORT
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        KafkaError.ILLEGAL_SASL_STATE,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)
"""The broker refuses this client, whatever it requests."""

_UNAVAILABLE = frozenset(
    {
        # librdkafka found no broker, or no answer came.
        KafkaError._TRANSPORT,
        KafkaError._RESOLVE,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._MSG_TIMED_OUT,
        KafkaError._QUEUE_FULL,
        KafkaError._RETRY,
        KafkaError._WAIT_COORD,
        KafkaError._WAIT_CACHE,
        KafkaError._DESTROY_BROKER,
        # A broker starts, stops, or hands over a leader, a controller or a coordinator.
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.ELIGIBLE_LEADERS_NOT_AVAILABLE,
        KafkaError.PREFERRED_LEADER_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.NOT_CONTROLLER,
        KafkaError.STALE_CTRL_EPOCH,
        KafkaError.STALE_BROKER_EPOCH,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.LISTENER_NOT_FOUND,
        KafkaError.INCONSISTENT_TOPIC_ID,  # metadata from before the topic was recreated
        KafkaError.REBOOTSTRAP_REQUIRED,
        # The broker cannot do it at the moment.
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.UNSTABLE_OFFSET_COMMIT,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.CONCURRENT_TRANSACTIONS,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.THROTTLING_QUOTA_EXCEEDED,
    }
)

WITHOUT_ANSWER = _CREDENTIALS | _UNAVAILABLE
"""Codes that do not describe the topic or group of the request."""

_NOT_FOUND = frozenset(
    {
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError._UNKNOWN_GROUP,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_TOPIC_ID,
        KafkaError.GROUP_ID_NOT_FOUND,
        KafkaError.RESOURCE_NOT_FOUND,
    }
)

_CONSUMER: Mapping[str, Any] = {
    "group.id": "procstream",  # librdkafka requires one; no group is joined
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "allow.auto.create.topics": False,
    "isolation.level": "read_committed",
    "fetch.wait.max.ms": 100,
}


def server_error(error: KafkaError, message: str) -> ServerError:
    """`message` as the class of error for this code: the one classification of Kafka's error codes.

    Codes that are not listed are refusals: a later attempt gets the same answer.
    """
    kind: type[ServerError] = RefusedError
    if error.code() in _UNAVAILABLE:
        kind = UnavailableError
    elif error.code() in _NOT_FOUND:
        kind = NotFoundError
    elif error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
        kind = ConflictError
    return kind(Server.KAFKA, message)


def reason(error: KafkaException | KafkaError) -> str:
    """The text of an error."""
    text: str = _inner(error).str()
    return text


class ClientErrors:
    """What librdkafka's threads report about the connections to a cluster."""

    def __init__(self, servers: str) -> None:
        self.where = f"KAFKA_BOOTSTRAP_SERVERS {servers}"
        self.last = ""
        """The newest reason why no broker can be reached; empty if there was none."""
        self.fatal: RefusedError | None = None
        """An error after which the client no longer works."""
        self.refusal: RefusedError | None = None
        """Credentials, certificates or permissions that the broker did not accept."""

    def on_error(self, error: KafkaError) -> None:
        """librdkafka's `error_cb`."""
        text = error.str()
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self.last = text
        elif not self.last:  # otherwise it only follows from the reason
            self.last = "it closes connections at once; does KAFKA_SECURITY_PROTOCOL fit this port?"
        if error.fatal():
            self.fatal = RefusedError(Server.KAFKA, f"{self.where}: {text}, cannot continue")
        if error.code() in _CREDENTIALS:
            self.refusal = self._refusal(text)

    def raise_refusal(self, *, credentials: bool = True) -> None:
        """Raise the reported error that waiting does not change, if there is one.

        Args:
            credentials: include refused credentials. At startup they are a mistake. Later they may be in the
                middle of a change, and the client retries.

        Raises:
            RefusedError: see above.
        """
        if self.fatal is not None:
            raise self.fatal
        if credentials and self.refusal is not None:
            raise self.refusal

    def forget(self) -> None:
        """The cluster answered: what was reported before does not explain a later failure."""
        self.last, self.refusal = "", None

    def explain(self, error: KafkaException | KafkaError, what: str) -> ServerError:
        """The error to raise when `what` failed: a call that timed out because of a refusal is a refusal."""
        inner = _inner(error)
        if inner.code() in _CREDENTIALS:
            return self._refusal(inner.str())
        if inner.code() in _UNAVAILABLE:
            if self.refusal is not None:
                return self.refusal
            if inner.code() > 0:  # a broker's own answer
                return UnavailableError(Server.KAFKA, f"{self.where}: {what}: {inner.str()}")
            return UnavailableError(
                Server.KAFKA, f"{self.where}: {what}: no broker answered ({self.last or inner.str()})"
            )
        return server_error(inner, f"{self.where}: {what}: {inner.str()}")

    def _refusal(self, text: str) -> RefusedError:
        return RefusedError(
            Server.KAFKA,
            f"{self.where}: the broker refused access: {text}, expected credentials, certificates and "
            "permissions (KAFKA_SASL_…, KAFKA_SSL_…) that it accepts",
        )


def create_client(kind: type[Any], properties: dict[str, Any]) -> Any:
    """A client of the class `kind`: the only place that creates one. Tests replace it."""
    return kind(properties)


def client(
    kind: type[Any], properties: Mapping[str, Any], errors: ClientErrors, *, create: Create = create_client
) -> Any:
    """A confluent-kafka client of the class `kind` that reports to `errors` and does not log.

    Raises:
        RefusedError: librdkafka does not accept a setting, e.g. a key that does not fit its certificate.
    """
    try:
        created = create(kind, {"log_level": 0, **properties, "error_cb": errors.on_error})
    except (KafkaException, ValueError, TypeError) as error:
        text = reason(error) if isinstance(error, KafkaException) else str(error)
        raise RefusedError(
            Server.KAFKA, f"Kafka client: {text}, expected KAFKA_… settings that it accepts"
        ) from None
    if "oauth_cb" in properties:
        created.poll(0)  # fetches the first token
    return created


class KafkaCluster:
    """A Kafka cluster, as `settings` reach it.

    `timeout` is in seconds and applies to each call. `properties` are librdkafka's and apply to every client.
    Methods that send requests raise `UnavailableError` or `RefusedError`.
    """

    def __init__(
        self,
        settings: "KafkaSettings",
        *,
        timeout: float = 10.0,
        client_id: str = "procstream",
        properties: Mapping[str, Any] | None = None,
        create: Create = create_client,
    ) -> None:
        self.servers = settings.bootstrap_servers
        self.timeout = timeout
        self.errors = ClientErrors(self.servers)
        self._create = create
        self._properties = {**settings.librdkafka(), "client.id": client_id, **(properties or {})}

    @cached_property
    def admin(self) -> "AdminClient":
        """The client for requests about the cluster; created when it is first used."""
        from confluent_kafka.admin import AdminClient

        created: AdminClient = client(AdminClient, self._properties, self.errors, create=self._create)
        return created

    def consumer(self, properties: Mapping[str, Any] | None = None) -> Consumer:
        """A consumer that joins no group and commits nothing; `properties` override its settings."""
        merged = {**_CONSUMER, **self._properties, **(properties or {})}
        created: Consumer = client(Consumer, merged, self.errors, create=self._create)
        return created

    def producer(self, properties: Mapping[str, Any]) -> Producer:
        """A producer with `properties`."""
        merged = {**self._properties, **properties}
        created: Producer = client(Producer, merged, self.errors, create=self._create)
        return created

    def poll(self) -> None:
        """Serve librdkafka's callbacks. Without it the tokens of a long-lived client expire."""
        if "admin" in self.__dict__:
            self.admin.poll(0)

    def topics(self) -> "Mapping[str, TopicMetadata]":
        """All topics that this client may see. A request that names a topic could create it.

        Retries for `timeout` seconds. A refusal is raised at once.
        """
        deadline = time.monotonic() + self.timeout
        attempt_seconds = _FIRST_ATTEMPT_SECONDS
        while True:
            left = deadline - time.monotonic()
            try:
                metadata = self.admin.list_topics(timeout=max(min(attempt_seconds, left), 0.05))
                if metadata.brokers:
                    self.errors.forget()
                    return dict(metadata.topics)
                failure = UnavailableError(
                    Server.KAFKA, f"{self.errors.where}: found no registered broker, expected at least one"
                )
                time.sleep(min(_PAUSE_SECONDS, max(left, 0.0)))
            except KafkaException as error:
                self.admin.poll(0)  # runs error_cb
                explained = self.errors.explain(error, f"listing topics for {self.timeout:g} s")
                if not isinstance(explained, UnavailableError):
                    raise explained from None
                failure = explained
            if time.monotonic() >= deadline:
                raise failure from None
            attempt_seconds *= 2

    def is_reachable(self) -> bool:
        """Whether a broker is registered and answers within `timeout`."""
        try:
            self.topics()
        except ServerError:
            return False
        return True

    def offsets(
        self, partitions: Iterable[Partition], at: Literal["earliest", "latest"], *, isolation: Isolation
    ) -> dict[Partition, int | ServerError]:
        """The first offset of each partition, or one more than its last, or the error for that partition.

        `latest` with `read_committed` is the last stable offset (KIP-98), below the records of open
        transactions; with `read_uncommitted` it is the high watermark. A partition that is unavailable, such
        as one whose leader moves, is requested again for `timeout` seconds.
        """
        from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

        spec = OffsetSpec.earliest() if at == "earliest" else OffsetSpec.latest()  # type: ignore[no-untyped-call]
        offsets: dict[Partition, int | ServerError] = {}
        asked = {TopicPartition(*partition): spec for partition in partitions}
        deadline = time.monotonic() + self.timeout
        while asked:
            answers = self.admin.list_offsets(
                asked, isolation_level=_ISOLATION[isolation], request_timeout=self.timeout
            )
            offsets |= {
                (place.topic, place.partition): self._offset(place, answer.result)
                for place, answer in answers.items()
            }
            if time.monotonic() >= deadline:
                break
            asked = {
                place: spec
                for place in asked
                if isinstance(offsets[place.topic, place.partition], UnavailableError)
            }
            if asked:
                time.sleep(_PAUSE_SECONDS)
        return offsets

    def committed(self, group: str, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The committed offsets of a consumer group; partitions without one are omitted."""
        # Not by the admin client: librdkafka 2.16 sometimes crashes when it requests the offsets of a group.
        consumer = self.consumer({"group.id": group})
        try:
            found = consumer.committed([TopicPartition(*one) for one in partitions], self.timeout)
        except KafkaException as error:
            raise self.error(error, f"offsets of group {group}") from None
        finally:
            consumer.close()
        return {
            (place.topic, place.partition): place.offset
            for place in found
            if place.error is None and place.offset >= 0
        }

    def error(self, error: KafkaException | KafkaError, what: str) -> ServerError:
        """The error to raise when `what` failed; see `ClientErrors.explain`."""
        self.poll()  # runs error_cb: the reason may be a refusal
        return self.errors.explain(error, what)

    def _offset(self, place: TopicPartition, result: Callable[[], Any]) -> int | ServerError:
        try:
            return int(result().offset)
        except KafkaException as error:
            return self.error(error, f"offsets of topic {place.topic}, partition {place.partition}")


_ISOLATION: Mapping[Isolation, IsolationLevel] = {
    "read_committed": IsolationLevel.READ_COMMITTED,
    "read_uncommitted": IsolationLevel.READ_UNCOMMITTED,
}


def _inner(error: KafkaException | KafkaError) -> KafkaError:
    inner: KafkaError = error.args[0] if isinstance(error, KafkaException) else error
    return inner
