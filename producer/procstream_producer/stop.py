"""SIGTERM and SIGINT as an event to wait for: a pause of the main loop ends at once when a signal arrives."""

import signal
import sys
from typing import Protocol

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def exit_on_sigterm() -> None:
    """Exit at SIGTERM until a `StopSignal` exists: process 1 of a container would ignore the signal."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


class Stop(Protocol):
    """A request to end a loop."""

    @property
    def requested(self) -> bool:
        """Whether a stop was requested; `wait` updates it."""

    def wait(self, seconds: float) -> bool:
        """Pause for `seconds`, or until a stop is requested. Returns whether one was."""


class StopSignal:
    """The first SIGTERM or SIGINT of this process.

    The signals are blocked and fetched with sigtimedwait(2), so that no handler interrupts a delivery.
    Create it in the main thread before any other thread starts, because threads inherit the mask. After the
    first signal, signals act as usual again: a second Ctrl-C ends a flush that hangs.
    """

    def __init__(self) -> None:
        self._requested = False
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)

    @property
    def requested(self) -> bool:
        """Whether `wait` has fetched a signal."""
        return self._requested

    def wait(self, seconds: float) -> bool:
        """Pause for `seconds` (0: only check), or until a signal arrives. Returns whether one did."""
        if not self._requested and signal.sigtimedwait(STOP_SIGNALS, max(0.0, seconds)) is not None:
            self._requested = True
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        return self._requested
