"""`procstream-wait NEED…`: waits until every named server, topic and schema is ready.

The chart's init containers run it. A NEED is `kafka`, `registry`, `s3`, `postgres`, `topic:NAME` or
`subject:NAME`. Needs are checked in order; the environment has the addresses. A refusal does not end the
wait, because a permission can be granted later. Only SIGTERM does.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterable
from functools import cached_property

from procstream_common import postgres, registry, s3
from procstream_common.cli import run
from procstream_common.errors import NotFoundError, Server, ServerError, SettingsError
from procstream_common.kafka import KafkaCluster, server_error
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import KafkaSettings, PostgresSettings, RegistrySettings, S3Settings, load

PAUSE_SECONDS = 1.0
ANSWER_SECONDS = 5.0
REPEAT_SECONDS = 60.0
"""How often an unchanged reason is reported again."""

Check = Callable[[], None]
"""Raises `ServerError` while something is not ready."""

_SERVERS = {
    "kafka": "Kafka",
    "registry": "the schema registry",
    "s3": "the object store",
    "postgres": "PostgreSQL",
}
_PARTS = {"topic": "topic", "subject": "schema of subject"}


class Servers:
    """The servers that the environment names. Settings are read when a server is first needed."""

    def check(self, need: str) -> Check:
        """The check for a need.

        Raises:
            SettingsError: the need is unknown, or a setting is missing.
        """
        kind, separator, name = need.partition(":")
        checks: dict[str, Check] = {
            "kafka": self._kafka,
            "registry": self._registry,
            "s3": self._s3,
            "postgres": self._postgres,
        }
        parts: dict[str, Callable[[str], None]] = {"topic": self._topic, "subject": self._subject}
        if not separator and kind in checks:
            return checks[kind]
        if kind in parts and name:
            return lambda: parts[kind](name)
        expected = ", ".join([*_SERVERS, *(f"{part}:NAME" for part in _PARTS)])
        raise SettingsError(f"found {need!r}, expected one of {expected}")

    @cached_property
    def _cluster(self) -> KafkaCluster:
        return KafkaCluster(load(KafkaSettings), timeout=ANSWER_SECONDS, client_id="procstream-wait")

    def _kafka(self) -> None:
        self._cluster.topics()

    def _topic(self, name: str) -> None:
        topic = self._cluster.topics().get(name)
        if topic is None:
            raise NotFoundError(Server.KAFKA, f"Kafka at {self._cluster.servers} has no such topic")
        if topic.error is not None:
            raise server_error(topic.error, f"Kafka at {self._cluster.servers}: {topic.error.str()}")

    def _registry(self) -> None:
        registry.check(load(RegistrySettings), timeout=ANSWER_SECONDS)

    def _subject(self, name: str) -> None:
        with SchemaRegistry(load(RegistrySettings), timeout=ANSWER_SECONDS) as client:
            client.latest(name)

    def _s3(self) -> None:
        s3.check(load(S3Settings), timeout=ANSWER_SECONDS)

    def _postgres(self) -> None:
        postgres.check(load(PostgresSettings), timeout=ANSWER_SECONDS)


def describe(need: str) -> str:
    """The description of a need in messages."""
    kind, _, name = need.partition(":")
    return f"{_PARTS[kind]} {name}" if name else _SERVERS[kind]


def wait_for(
    what: str,
    check: Check,
    *,
    now: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
    report: Callable[[str], None] = lambda line: print(line, flush=True),
) -> None:
    """Return when `check` passes. Each report has the need, the seconds waited so far, and the reason.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    begun = now()
    reported: tuple[str, float] | None = None
    while True:
        try:
            check()
        except ServerError as error:
            reason = str(error)
        else:
            report(f"{what}: ready after {now() - begun:.0f} s")
            return
        if reported is None or reported[0] != reason or now() - reported[1] >= REPEAT_SECONDS:
            report(f"waiting for {what}, {now() - begun:.0f} s so far: {reason}")
            reported = reason, now()
        pause(PAUSE_SECONDS)


def wait_for_all(needs: Iterable[str], servers: Servers | None = None) -> None:
    """Wait for all needs, in order. Raises `SettingsError` before the first wait if a need is unknown."""
    servers = servers or Servers()
    checks = {need: servers.check(need) for need in needs}
    for need, check in checks.items():
        wait_for(describe(need), check)


def main() -> None:
    """Run `procstream-wait`."""
    # As process 1 of a container it would ignore SIGTERM.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run(lambda: wait_for_all(sys.argv[1:]))


if __name__ == "__main__":
    main()
