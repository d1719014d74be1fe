"""Many questions, one request: what callers ask within a moment is answered by one call."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from procstream_common.errors import ProcstreamError

QuestionT = TypeVar("QuestionT")
AnswerT = TypeVar("AnswerT")

_WINDOW = 0.05
"""Seconds in which questions are collected."""
_MOST = 500
"""Questions for one call."""

log = logging.getLogger("procstream.operator")


class Coalescer(Generic[QuestionT, AnswerT]):
    """Collects questions and hands each caller its own answer.

    One call runs at a time. What is asked while it runs is collected for the next one.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[QuestionT]], Awaitable[Sequence[AnswerT]]],
        *,
        window: float = _WINDOW,
        most: int = _MOST,
    ) -> None:
        self._answer = answer
        self._window = window
        self._most = most
        self._waiting: list[tuple[QuestionT, asyncio.Future[AnswerT]]] = []
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    async def ask(self, question: QuestionT) -> AnswerT:
        """The answer to one question. Raises what the call raises."""
        future: asyncio.Future[AnswerT] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._window)
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            await self._resolve(batch)

    async def _resolve(self, batch: Sequence[tuple[QuestionT, asyncio.Future[AnswerT]]]) -> None:
        try:
            answers = await self._answer([question for question, _ in batch])
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, ProcstreamError):
                log.warning("a request for %d resources failed, trying each alone: %r", len(batch), error)
                for one in batch:  # one of them is the cause, and the others must not wait for it
                    await self._resolve([one])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)
