"""The comments of `values.yaml`: the description of a value stands above its key."""

import re
import textwrap
from collections.abc import Iterator

from helm.values_model.fields import Value, values
from helm.values_model.image import Image
from helm.values_model.kubernetes import Resources
from helm.values_model.part import Part
from helm.values_model.producer import Generator
from helm.values_model.storage import Storage
from helm.values_model.values import Values

_WIDTH = 118
_KEY = re.compile(r"( *)([A-Za-z0-9][\w-]*):(?= |$)")
_DESCRIBED_ONCE = (Generator, Image, Resources, Storage)
"""Models that several values have. The reference describes their fields, and what all pods have."""


def written(text: str) -> str:
    """The same `values.yaml` with the model's comments. What is within lists keeps its own."""
    lines: list[str] = []
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        if match := _KEY.match(line):
            indent = len(match[1])
            path = [*((at, name) for at, name in path if at < indent), (indent, match[2])]
            comment = _comment([name for _, name in path], _WIDTH - indent)
            if comment is not None:
                while lines and lines[-1].lstrip().startswith("#"):
                    lines.pop()
                lines.extend(f"{match[1]}{one}" for one in comment)
        lines.append(line)
    return "\n".join(lines) + "\n"


def _comment(path: list[str], width: int) -> list[str] | None:
    """The lines above a key; None of one that the model does not have."""
    part: type[Part] | None = Values
    owner: type[Part] | None = None
    value: Value | None = None
    for name in path:
        value = next((one for one in values(part) if one.name == name), None) if part else None
        if value is None:
            return None
        owner, part = part, value.part
    if value is None:
        return None
    return [] if owner in _DESCRIBED_ONCE or value.is_inherited else list(_lines(value, width))


def _lines(value: Value, width: int) -> Iterator[str]:
    # One or two words would only repeat the key.
    if len(value.description.split()) > 2:
        yield from _wrapped(value.description, width)
    if isinstance(value.info.default, dict) and value.entries:
        for entry in values(value.entries):
            yield from _wrapped(f"  {entry.name}: {entry.description}", width, further="    ")


def _wrapped(text: str, width: int, further: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent="# ",
        subsequent_indent=f"# {further}",
        break_long_words=False,
        break_on_hyphens=False,
    )
