"""Ends once everything that the arguments name is there; until then it says what it waits for.

kafka, registry, s3, postgres, topic:NAME, subject:NAME. The environment tells where they are.
"""

import socket
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from procstream_common.errors import ProcstreamError
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import KafkaSettings, PostgresSettings, RegistrySettings, S3Settings, load

REST_SECONDS = 1.0
ATTEMPT_SECONDS = 5.0
SAY_AGAIN_SECONDS = 60.0


class AbsentError(Exception):
    """It is not there yet."""


def kafka(topic: str = "") -> None:
    """Raise unless a broker is registered, and knows the topic if one is named."""
    settings = load(KafkaSettings)
    client = AdminClient({**settings.librdkafka(), "log_level": 0})
    client.poll(0)  # serves what a token is asked for with
    metadata = client.list_topics(topic or None, timeout=ATTEMPT_SECONDS)
    if not metadata.brokers:
        raise AbsentError("no broker is registered")
    if topic and (error := metadata.topics[topic].error) is not None:
        raise AbsentError(error.str())


def registry(subject: str = "") -> None:
    """Raise unless it listens, or has the subject if one is named."""
    settings = load(RegistrySettings)
    if subject:
        with SchemaRegistry(settings, timeout=ATTEMPT_SECONDS) as client:
            client.latest(subject)
        return
    port = urlsplit(settings.url).port
    connect(urlsplit(settings.url).hostname, port or (443 if settings.url.startswith("https") else 80))


def s3(_: str) -> None:
    """Raise unless the endpoint answers, whatever it says to a stranger."""
    endpoint = load(S3Settings).endpoint
    if endpoint is not None:  # AWS is there
        httpx.get(endpoint, timeout=ATTEMPT_SECONDS)


def postgres(_: str) -> None:
    """Raise unless it listens."""
    found = load(PostgresSettings).libpq()
    connect(found["host"], int(found["port"]))


def connect(host: str | None, port: int) -> None:
    """Raise unless something listens there."""
    socket.create_connection((host or "", port), timeout=ATTEMPT_SECONDS).close()


CHECKS: dict[str, Callable[[str], None]] = {
    "kafka": kafka,
    "topic": kafka,
    "registry": registry,
    "subject": registry,
    "s3": s3,
    "postgres": postgres,
}


def wait_for(wanted: str) -> None:
    """Return once it is there."""
    kind, _, name = wanted.partition(":")
    said, said_at = "", 0.0
    while True:
        try:
            CHECKS[kind](name)
            break
        except (AbsentError, OSError, KafkaException, ProcstreamError, httpx.HTTPError) as error:
            reason = error.args[0].str() if isinstance(error, KafkaException) else str(error)
        if reason != said or time.monotonic() - said_at >= SAY_AGAIN_SECONDS:
            print(f"waiting for {wanted}: {reason}", flush=True)
            said, said_at = reason, time.monotonic()
        time.sleep(REST_SECONDS)
    print(f"{wanted} is there", flush=True)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        wait_for(argument)
