"""Ticks keep their times; one that is late is skipped, never bunched."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from procstream_producer.procstat.schedule import Schedule


def test_the_first_tick_is_due_at_the_start() -> None:
    assert Schedule(start=100.0, interval=1.0).wait(100.0) == 0.0


def test_a_slow_tick_does_not_move_the_next() -> None:
    schedule = Schedule(start=100.0, interval=1.0)
    schedule.run()
    assert schedule.wait(100.7) == pytest.approx(0.3)
    assert schedule.wait(101.2) == 0.0  # woken a little late: still this tick
    schedule.run()
    assert schedule.due == 102.0


def test_a_million_ticks_do_not_drift() -> None:
    schedule = Schedule(start=0.0, interval=0.1)
    for _ in range(1_000_000):
        schedule.run()
    assert schedule.due == pytest.approx(100_000.0, abs=1e-6)


def test_late_ticks_are_skipped_and_counted() -> None:
    schedule = Schedule(start=0.0, interval=1.0)
    schedule.run()
    assert schedule.wait(4.3) == 0.0  # ticks 1, 2, 3 are gone; 4 is still in time
    assert schedule.skipped == 3
    assert schedule.run() == 4
    assert schedule.due == 5.0


def test_a_tick_late_by_half_an_interval_waits_for_the_next() -> None:
    schedule = Schedule(start=0.0, interval=1.0)
    schedule.run()
    assert schedule.wait(1.6) == pytest.approx(0.4)
    assert schedule.skipped == 1
    assert schedule.due == 2.0


@pytest.mark.parametrize("interval", [0.0, -1.0, float("nan"), float("inf")])
def test_an_interval_must_be_a_time(interval: float) -> None:
    with pytest.raises(ValueError, match="expected more than 0 seconds"):
        Schedule(start=0.0, interval=interval)


@given(delays=st.lists(st.floats(0, 10), min_size=1, max_size=50), interval=st.floats(0.01, 5))
def test_samples_never_bunch_and_every_tick_is_run_or_counted(delays: list[float], interval: float) -> None:
    schedule = Schedule(start=0.0, interval=interval)
    now, ran_at, ran = 0.0, [], []
    for delay in delays:
        now += schedule.wait(now)
        ran_at.append(now)
        ran.append(schedule.run())
        now += delay  # whatever holds the process up
    schedule.wait(now)
    assert all(later - earlier > interval * 0.49 for earlier, later in pairwise(ran_at))
    assert all(abs(at - tick * interval) <= interval * 0.51 for at, tick in zip(ran_at, ran, strict=True))
    assert len(ran) + schedule.skipped == round(schedule.due / interval)
