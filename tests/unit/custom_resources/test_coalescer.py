import asyncio
from collections.abc import Sequence

import pytest
from procstream_common.errors import ProcstreamError
from procstream_operator.coalescer import Coalescer


class Doubling:
    """Answers numbers with their doubles, and notes what it was asked together."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.calls.append(list(numbers))
        await self.gate.wait()
        if 13 in numbers:
            raise RuntimeError("a defect at 13")
        if 0 in numbers:
            raise ProcstreamError("unavailable")
        return [2 * number for number in numbers]


def test_what_is_asked_together_is_one_call_and_each_gets_its_own_answer() -> None:
    async def scenario() -> None:
        doubling = Doubling()
        coalescer = Coalescer(doubling, window=0)
        assert await asyncio.gather(*map(coalescer.ask, (1, 2, 3))) == [2, 4, 6]
        assert doubling.calls == [[1, 2, 3]]
        assert await coalescer.ask(4) == 8, "it answers again after it was idle"

    asyncio.run(scenario())


def test_what_is_asked_during_a_call_is_collected_for_the_next_one() -> None:
    async def scenario() -> None:
        doubling = Doubling()
        doubling.gate.clear()
        coalescer = Coalescer(doubling, window=0)
        first = asyncio.create_task(coalescer.ask(1))
        while not doubling.calls:
            await asyncio.sleep(0)
        others = [asyncio.create_task(coalescer.ask(number)) for number in (2, 3)]
        await asyncio.sleep(0)
        assert len(coalescer) == 2
        doubling.gate.set()
        assert await asyncio.gather(first, *others) == [2, 4, 6]
        assert doubling.calls == [[1], [2, 3]]

    asyncio.run(scenario())


def test_a_call_has_a_limit() -> None:
    async def scenario() -> None:
        doubling = Doubling()
        coalescer = Coalescer(doubling, window=0, most=2)
        await asyncio.gather(*map(coalescer.ask, (1, 2, 3)))
        assert doubling.calls == [[1, 2], [3]]

    asyncio.run(scenario())


def test_an_expected_error_is_that_of_all() -> None:
    async def scenario() -> None:
        doubling = Doubling()
        coalescer = Coalescer(doubling, window=0)
        answers = await asyncio.gather(*map(coalescer.ask, (1, 0)), return_exceptions=True)
        assert [str(answer) for answer in answers] == ["unavailable", "unavailable"]
        assert len(doubling.calls) == 1

    asyncio.run(scenario())


def test_a_defect_is_that_of_its_question_alone() -> None:
    async def scenario() -> None:
        coalescer = Coalescer(Doubling(), window=0)
        answers = await asyncio.gather(*map(coalescer.ask, (1, 13, 3)), return_exceptions=True)
        assert [answers[0], answers[2]] == [2, 6]
        with pytest.raises(RuntimeError, match="a defect at 13"):
            raise answers[1]  # type: ignore[misc]

    asyncio.run(scenario())


def test_a_caller_that_is_cancelled_does_not_affect_others() -> None:
    async def scenario() -> None:
        doubling = Doubling()
        coalescer = Coalescer(doubling, window=0)
        first, second = (asyncio.create_task(coalescer.ask(number)) for number in (1, 2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == 4

    asyncio.run(scenario())
