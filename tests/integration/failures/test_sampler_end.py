"""How the sampler starts and ends while the broker does not answer."""

import pytest
from procstream_local.stack.home import Home

from tests.integration import records
from tests.integration.conftest import free_port
from tests.integration.failures import crash
from tests.integration.failures.sampler import Sampler, sampling
from tests.integration.topics import PROCSTAT, MakeTopic
from tests.integration.waiting import until

INTERVAL_S = 0.02
UNDELIVERED = 20


@pytest.fixture
def topic(make_topic: MakeTopic) -> str:
    return make_topic("sampler-end", 1, PROCSTAT)


def test_sigterm_flushes_every_sample(home: Home, topic: str) -> None:
    with sampling(topic, INTERVAL_S, "--flush-timeout", "30") as sampler:
        until(lambda: sampler.health()[0] == 200, "a healthy sampler")
        with crash.hanging(home, "kafka"):
            until_undelivered(sampler)
            sampler.signal_end()
            sampler.until_stopping()
        sampler.wait()
    delivered, dropped = sampler.last_words
    assert sampler.exit_code == 0
    assert dropped == 0
    assert records.counted(topic) == delivered
    assert to_flush(sampler) >= UNDELIVERED


def test_records_that_cannot_be_flushed_are_counted_and_an_error(home: Home, topic: str) -> None:
    with sampling(topic, INTERVAL_S, "--flush-timeout", "0.5") as sampler:
        until(lambda: sampler.health()[0] == 200, "a healthy sampler")
        with crash.hanging(home, "kafka"):
            until_undelivered(sampler)
            sampler.signal_end()
            sampler.wait()
    assert sampler.exit_code == 1
    error = sampler.log.splitlines()[-1]
    assert error.startswith(f"error: {topic}: {to_flush(sampler)} records lost")
    assert "(shutdown: " in sampler.log


def test_the_sampler_is_not_healthy_before_the_broker_answers(topic: str) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    with sampling(topic, 1, env={"KAFKA_BOOTSTRAP_SERVERS": nowhere}) as sampler:
        status, report = until(lambda: sampler.health() if sampler.health()[0] else None, "an answer")
        sampler.signal_end()
        sampler.wait()
    assert (status, report["status"], report["reason"]) == (503, "unhealthy", "waiting for the broker")
    assert sampler.exit_code == 0


def until_undelivered(sampler: Sampler) -> None:
    until(lambda: sampler.metrics()["records_buffered"] >= UNDELIVERED, "undelivered records")


def to_flush(sampler: Sampler) -> int:
    line = next(line for line in sampler.log.splitlines() if "INFO stopping; " in line)
    return int(line.split("stopping; ")[1].split()[0])
