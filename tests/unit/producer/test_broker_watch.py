"""Away means: something is outstanding and nothing was delivered for a while."""

from procstream_producer.delivery.broker_watch import BrokerWatch, OutageBegan, OutageEnded


def test_a_broker_that_delivers_is_reachable() -> None:
    watch = BrokerWatch(patience=3)
    assert all(watch.observe(now=t, outstanding=1, delivered=t) is None for t in range(100))
    assert not watch.unavailable


def test_it_is_unavailable_after_the_patience_and_reported_once() -> None:
    watch = BrokerWatch(patience=3)
    events = [watch.observe(now=float(t), outstanding=t, delivered=0) for t in range(10)]
    assert [event for event in events if event] == [OutageBegan(outstanding=4)]
    assert watch.unavailable


def test_the_first_delivery_means_it_is_back() -> None:
    watch = BrokerWatch(patience=3)
    for t in range(5):
        watch.observe(now=float(t), outstanding=1, delivered=0)
    assert watch.observe(now=31.0, outstanding=1, delivered=1) == OutageEnded(seconds=31.0)
    assert not watch.unavailable
    assert watch.observe(now=32.0, outstanding=1, delivered=1) is None


def test_nothing_to_deliver_is_no_outage() -> None:
    watch = BrokerWatch(patience=3)
    watch.observe(now=0.0, outstanding=0, delivered=0)
    assert watch.observe(now=3600.0, outstanding=0, delivered=0) is None
    # The first record after an hour of silence has its full time.
    assert watch.observe(now=7200.0, outstanding=1, delivered=0) is None
    assert watch.observe(now=7202.0, outstanding=1, delivered=0) is None
    assert watch.observe(now=7203.0, outstanding=1, delivered=0) == OutageBegan(outstanding=1)
