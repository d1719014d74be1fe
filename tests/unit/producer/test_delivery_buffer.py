"""Records on their way to the broker: in order, bounded, every loss counted."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from procstream_producer.delivery.broker_watch import BrokerWatch, OutageBegan, OutageEnded
from procstream_producer.delivery.buffer import DeliveryBuffer, Record

PATIENCE = 3.0


class FakeClient:
    """A Kafka client with a broker that can be stopped: takes records, reports them in order."""

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.broker_reachable = True
        self.held: deque[Record] = deque()
        self.topic: list[Record] = []
        self.buffer: DeliveryBuffer

    def take(self, record: Record) -> bool:
        if len(self.held) >= self.room:
            return False
        self.held.append(record)
        return True

    def report(self) -> None:
        while self.broker_reachable and self.held:
            self.topic.append(self.held.popleft())
            self.buffer.delivered()

    def refuse_one(self, detail: str) -> None:
        self.held.popleft()
        self.buffer.refused(detail)


class Noted:
    def __init__(self) -> None:
        self.delivered_count = 0
        self.drops: list[str] = []
        self.changes: list[str] = []

    def delivered(self) -> None:
        self.delivered_count += 1

    def dropped(self, reason: str, detail: str) -> None:
        assert detail
        self.drops.append(reason)

    def outage_began(self, event: OutageBegan, waiting: int) -> None:
        self.changes.append(f"unavailable with {waiting}")

    def outage_ended(self, event: OutageEnded, waiting: int) -> None:
        self.changes.append(f"reachable after {event.seconds:g} s with {waiting}")


class Delivery:
    """The parts together, and a clock."""

    def __init__(self, *, capacity: int = 5, window: int = 3, room: int = 1000) -> None:
        self.client = FakeClient(room)
        self.noted = Noted()
        self.buffer = DeliveryBuffer(
            self.client, self.noted, BrokerWatch(patience=PATIENCE), capacity=capacity, window=window
        )
        self.client.buffer = self.buffer
        self.now = 0.0
        self.count = 0

    def tick(self, seconds: float = 1.0) -> None:
        """One record, and one look at the client a little later."""
        self.buffer.add(record(self.count))
        self.count += 1
        self.look(seconds)

    def look(self, seconds: float = 1.0) -> None:
        self.now += seconds
        self.client.report()
        self.buffer.observe(self.now)

    @property
    def in_topic(self) -> list[int]:
        return [int(item.value) for item in self.client.topic]


def record(number: int) -> Record:
    return Record(b"node", str(number).encode(), number)


def test_with_the_broker_reachable_nothing_waits() -> None:
    delivery = Delivery()
    for _ in range(10):
        delivery.tick()
    assert delivery.in_topic == list(range(10))
    assert delivery.buffer.buffered == 0
    assert delivery.noted.delivered_count == 10
    assert delivery.noted.changes == delivery.noted.drops == []


def test_an_outage_within_the_bound_loses_nothing_and_is_said_once_each_way() -> None:
    delivery = Delivery(capacity=10)
    delivery.tick()
    delivery.client.broker_reachable = False
    for _ in range(8):
        delivery.tick()
    delivery.client.broker_reachable = True
    delivery.tick()
    delivery.look()
    delivery.look()
    assert delivery.in_topic == list(range(10))
    assert delivery.buffer.dropped_count == 0
    assert [change.split(" ")[0] for change in delivery.noted.changes] == ["unavailable", "reachable"]


def test_beyond_the_bound_the_oldest_that_waits_is_dropped_and_counted() -> None:
    delivery = Delivery(capacity=4, window=2)
    delivery.client.broker_reachable = False
    for _ in range(20):
        delivery.tick()
    assert delivery.buffer.buffered == 6  # 2 with the client, 4 waiting
    assert delivery.noted.drops == ["buffer_full"] * 14
    delivery.client.broker_reachable = True
    for _ in range(4):
        delivery.look()
    assert delivery.in_topic == [0, 1, 16, 17, 18, 19]  # what the client had may already be in the topic
    assert delivery.buffer.delivered_count + delivery.buffer.dropped_count == 20


def test_while_the_broker_is_unavailable_the_client_gets_no_more() -> None:
    delivery = Delivery(capacity=100, window=50)
    delivery.client.broker_reachable = False
    for _ in range(30):
        delivery.tick()
    assert len(delivery.client.held) <= PATIENCE + 1


def test_when_the_client_has_nothing_left_one_record_finds_out_whether_the_broker_is_back() -> None:
    delivery = Delivery(capacity=100, window=50)
    delivery.client.broker_reachable = False
    for _ in range(10):
        delivery.tick()
    while delivery.client.held:
        delivery.client.refuse_one("topic is gone")
    delivery.look()
    assert len(delivery.client.held) == 1
    delivery.client.broker_reachable = True
    for _ in range(3):
        delivery.look()
    assert delivery.buffer.buffered == 0
    assert "refused" in delivery.noted.drops


def test_a_client_without_room_keeps_the_order() -> None:
    delivery = Delivery(capacity=10, window=10, room=1)
    for _ in range(8):
        delivery.buffer.add(record(delivery.count))
        delivery.count += 1
    for _ in range(8):
        delivery.look()
    assert delivery.in_topic == list(range(8))


def test_a_refused_record_is_a_drop_with_the_brokers_reason() -> None:
    delivery = Delivery()
    delivery.client.broker_reachable = False
    delivery.tick()
    delivery.client.refuse_one("Message size too large")
    assert delivery.noted.drops == ["refused"]
    assert delivery.buffer.buffered == 0


def test_what_is_given_up_at_the_end_is_counted() -> None:
    delivery = Delivery(capacity=10, window=2)
    delivery.client.broker_reachable = False
    for _ in range(5):
        delivery.tick()
    assert delivery.buffer.give_up() == 5
    assert delivery.noted.drops == ["shutdown"] * 5
    assert delivery.buffer.buffered == 0


@pytest.mark.parametrize(("capacity", "window"), [(0, 1), (1, 0)])
def test_a_bound_is_at_least_one_record(capacity: int, window: int) -> None:
    with pytest.raises(ValueError, match="expected 1 or more"):
        Delivery(capacity=capacity, window=window)


@given(
    steps=st.lists(st.sampled_from(["tick", "tick", "look", "stop", "start", "refuse"]), max_size=200),
    capacity=st.integers(1, 8),
    window=st.integers(1, 8),
    room=st.integers(1, 8),
)
def test_whatever_happens_every_record_is_delivered_once_or_counted_as_dropped_in_order(
    steps: list[str], capacity: int, window: int, room: int
) -> None:
    delivery = Delivery(capacity=capacity, window=window, room=room)
    for step in steps:
        match step:
            case "tick":
                delivery.tick()
            case "look":
                delivery.look()
            case "refuse" if delivery.client.held:
                delivery.client.refuse_one("because")
            case _:
                delivery.client.broker_reachable = step == "start"
        assert delivery.buffer.buffered <= capacity + window
    delivery.client.broker_reachable = True
    for _ in range(delivery.buffer.buffered + 5):
        delivery.look()
    assert delivery.buffer.buffered == 0
    assert delivery.in_topic == sorted(set(delivery.in_topic))
    assert len(delivery.in_topic) == delivery.buffer.delivered_count
    assert delivery.buffer.delivered_count + delivery.buffer.dropped_count == delivery.count
    assert len(delivery.noted.drops) == delivery.buffer.dropped_count
