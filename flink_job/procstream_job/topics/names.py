"""Names of topics."""

import time
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from procstream_common.errors import ProcstreamError
from procstream_common.settings import KafkaSettings

# librdkafka tries again for ever, also where another attempt will not change anything.
_REFUSALS = {
    KafkaError._AUTHENTICATION,
    KafkaError._SSL,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
_FIRST_ATTEMPT_SECONDS = 0.5


class KafkaUnavailable(ProcstreamError):  # noqa: N818
    """No broker answers: worth another attempt."""


class KafkaRefused(ProcstreamError):  # noqa: N818
    """The broker answers and does not let us in: credentials or certificates are wrong."""


@dataclass
class _Complaints:
    """What librdkafka's own threads run into; a call itself only times out."""

    servers: str
    errors: list[KafkaError] = field(default_factory=list)

    def raise_refusal(self) -> None:
        for error in self.errors:
            if error.code() in _REFUSALS:
                raise KafkaRefused(
                    f"KAFKA_BOOTSTRAP_SERVERS {self.servers}: the broker refused us: {error.str()};"
                    " expected credentials and certificates that it knows"
                )


def topic_names(kafka: KafkaSettings, timeout: float = 5) -> frozenset[str]:
    """Names of the topics that we may see. `timeout` is in seconds.

    Raises:
        KafkaUnavailable: no broker answered in time.
        KafkaRefused: one answered and did not let us in.
    """
    complaints = _Complaints(kafka.bootstrap_servers)
    client: dict[str, Any] = {"error_cb": complaints.errors.append, "log_level": 0}
    admin = AdminClient({**kafka.librdkafka(), **client})
    deadline = time.monotonic() + timeout
    attempt_seconds = _FIRST_ATTEMPT_SECONDS
    while True:
        try:
            return frozenset(admin.list_topics(timeout=attempt_seconds).topics)
        except KafkaException as error:
            admin.poll(0)  # runs error_cb
            complaints.raise_refusal()
            if time.monotonic() > deadline:
                reason = complaints.errors[0] if complaints.errors else error.args[0]
                raise KafkaUnavailable(
                    f"KAFKA_BOOTSTRAP_SERVERS {kafka.bootstrap_servers}: no broker answered"
                    f" in {timeout:g} s: {reason.str()}"
                ) from None
        attempt_seconds = min(2 * attempt_seconds, max(deadline - time.monotonic(), _FIRST_ATTEMPT_SECONDS))
