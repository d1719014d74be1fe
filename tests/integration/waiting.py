"""Waiting for something to become true, without fixed sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

_POLL_S = 0.2
_Found = TypeVar("_Found")


def until(
    look: Callable[[], _Found], expected: str, *, timeout: float = 60, every: float = _POLL_S
) -> _Found:
    """The result of `look` once it is true; fails after `timeout` seconds and reports what was `expected`."""
    deadline = time.monotonic() + timeout
    while not (found := look()):
        assert time.monotonic() < deadline, f"expected {expected} within {timeout:g} s, found {found!r}"
        time.sleep(every)
    return found
