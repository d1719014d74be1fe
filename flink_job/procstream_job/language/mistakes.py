"""Errors with a place in a pipeline file, and guesses at what was meant."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from procstream_common.errors import ProcstreamError


class PlacedError(ProcstreamError):
    """An error whose message begins with its place in a pipeline file."""


@contextmanager
def in_file(file: str) -> Iterator[None]:
    """Put the file's name before the place of a `PlacedError`."""
    try:
        yield
    except PlacedError as error:
        raise type(error)(f"{file}: {error}") from error


def place(path: Sequence[str | int]) -> str:
    """A place in the file: `sources.orders.columns[0]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` if something known looks like what was found, else `;`."""
    near = difflib.get_close_matches(found, [str(name) for name in known], n=1)
    return f"; did you mean {near[0]!r}?" if near else ";"
