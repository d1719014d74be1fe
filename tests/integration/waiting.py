"""Waiting for something to become true, without fixed sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

_POLL_S = 0.2
_Found = TypeVar("_Found")


def until(
    look: Callable[[], _Found], expected: str, *, timeout: float = 60, every: float = _POLL_S
) -> _Found:
    """What `look` gives once it is true; fails with what was `expected` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (found := look()):
        assert time.monotonic() < deadline, f"expected {expected} within {timeout:g} s, found {found!r}"
        time.sleep(every)
    return found
