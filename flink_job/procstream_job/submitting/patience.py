"""How long to wait for what is not available yet: a topic, a server, a task slot."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from procstream_common.errors import UnavailableError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_fixed

from procstream_job.submitting.preflight import MissingError

_PAUSE_SECONDS = 0.5
_NO_PATIENCE = timedelta(0)
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Patience:
    """How long to wait for what is not available yet; by default not at all."""

    timeout: timedelta = _NO_PATIENCE
    started: float = field(default_factory=time.monotonic)

    def until(self, attempt: Callable[[], _Found]) -> _Found:
        """The attempt's result; repeats it while time is left. Raises what the last attempt raised."""
        retrying = Retrying(
            retry=retry_if_exception_type((MissingError, UnavailableError)),
            stop=self._is_over,
            wait=wait_fixed(_PAUSE_SECONDS),
            reraise=True,
        )
        return retrying(attempt)

    def _is_over(self, _state: RetryCallState) -> bool:
        return time.monotonic() - self.started >= self.timeout.total_seconds()
