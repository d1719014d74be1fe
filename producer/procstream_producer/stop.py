"""SIGTERM and SIGINT as something to wait for: a pause of the main loop ends at once when one comes."""

import signal
import sys
from typing import Protocol

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def exit_on_sigterm() -> None:
    """Exit at SIGTERM, until a `StopSignal` is made: the first process of a container would ignore it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


class Stop(Protocol):
    """Tells a loop that it is to end."""

    @property
    def requested(self) -> bool:
        """Whether a stop was asked for, as far as `wait` has seen."""

    def wait(self, seconds: float) -> bool:
        """Pause for `seconds`, or until a stop is asked for; whether one was."""


class StopSignal:
    """The first SIGTERM or SIGINT of this process.

    The signals are blocked and fetched with sigtimedwait(2), so that no handler interrupts a delivery.
    To be made in the main thread before any other thread starts, because threads inherit the mask. After
    the first signal they act as usual again: a second Ctrl-C ends a flush that hangs.
    """

    def __init__(self) -> None:
        self._requested = False
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)

    @property
    def requested(self) -> bool:
        """Whether a signal was fetched by `wait`."""
        return self._requested

    def wait(self, seconds: float) -> bool:
        """Pause for `seconds` (0: only look), or until a signal comes; whether one came."""
        if not self._requested and signal.sigtimedwait(STOP_SIGNALS, max(0.0, seconds)) is not None:
            self._requested = True
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        return self._requested
