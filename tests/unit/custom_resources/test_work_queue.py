import asyncio

import pytest
from procstream_operator.controller import Key
from procstream_operator.controller.work_queue import WorkQueue, pause

A, B = Key("shop", "a"), Key("shop", "b")


@pytest.mark.parametrize(
    ("failures", "share", "seconds"),
    [(1, 1.0, 1.0), (1, 0.0, 0.5), (3, 1.0, 4.0), (7, 1.0, 60.0), (10**6, 0.5, 45.0)],
)
def test_pauses_double_up_to_a_minute_and_are_spread(failures: int, share: float, seconds: float) -> None:
    assert pause(failures, share) == seconds


def test_what_comes_together_is_taken_together_and_once() -> None:
    async def taken() -> list[Key]:
        queue = WorkQueue()
        for key in (A, B, A):
            queue.add(key)
        return await queue.take(10)

    assert sorted(asyncio.run(taken())) == [A, B]


def test_a_key_that_comes_while_waiting_is_taken_at_once() -> None:
    async def seconds() -> float:
        loop = asyncio.get_running_loop()
        queue = WorkQueue()
        queue.add(B, after=3600)
        began = loop.time()
        loop.call_later(0.05, queue.add, A)
        assert await queue.take(10) == [A]
        return loop.time() - began

    assert asyncio.run(seconds()) < 60


def test_a_change_is_not_put_off_by_a_failure_before_it() -> None:
    async def taken() -> list[Key]:
        queue = WorkQueue()
        queue.add(A)
        queue.retry([A])
        return await queue.take(10)

    assert asyncio.run(taken()) == [A]


def test_no_more_than_asked_for_are_taken() -> None:
    async def left() -> int:
        queue = WorkQueue()
        queue.add(A)
        queue.add(B)
        await queue.take(1)
        return len(queue)

    assert asyncio.run(left()) == 1


def test_what_is_forgotten_is_not_taken() -> None:
    async def left() -> int:
        queue = WorkQueue()
        queue.add(A)
        queue.forget(A)
        return len(queue)

    assert asyncio.run(left()) == 0
