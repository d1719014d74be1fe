"""The log says each change once and sums losses up."""

import pytest
from procstream_producer.delivery.broker_watch import OutageBegan, OutageEnded
from procstream_producer.delivery.log import DeliveryLog


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock, caplog: pytest.LogCaptureFixture) -> DeliveryLog:
    caplog.set_level("INFO")
    return DeliveryLog("samples", lambda: "Connection refused", clock)


def test_an_outage_is_two_lines(log: DeliveryLog, caplog: pytest.LogCaptureFixture) -> None:
    log.outage_began(OutageBegan(outstanding=3), 7)
    log.outage_ended(OutageEnded(seconds=30.04), 40)
    assert caplog.messages == [
        "samples: broker unavailable (Connection refused); keeping records, 7 so far",
        "samples: broker reachable again after 30.0 s; 40 records buffered, 0 dropped meanwhile",
    ]


def test_losses_are_logged_at_once_then_summed_up_each_minute(
    log: DeliveryLog, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for second in range(130):
        clock.now = float(second)
        log.dropped("buffer_full", "5 records wait")
    log.close()
    assert caplog.messages == [
        "samples: dropped 1 records, 1 in all (buffer_full: 5 records wait)",
        "samples: dropped 60 records, 61 in all (buffer_full: 5 records wait)",
        "samples: dropped 60 records, 121 in all (buffer_full: 5 records wait)",
        "samples: dropped 9 records, 130 in all (at shutdown)",
    ]


def test_the_way_back_says_what_the_outage_cost(log: DeliveryLog, caplog: pytest.LogCaptureFixture) -> None:
    log.dropped("refused", "too large")
    log.outage_began(OutageBegan(outstanding=1), 1)
    for _ in range(10):
        log.dropped("buffer_full", "5 records wait")
    log.outage_ended(OutageEnded(seconds=15.0), 5)
    log.close()
    assert (
        caplog.messages[-1]
        == "samples: broker reachable again after 15.0 s; 5 records buffered, 10 dropped meanwhile"
    )
