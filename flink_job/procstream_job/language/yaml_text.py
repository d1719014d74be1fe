"""Writing YAML of a pipeline file by hand, with comments."""

from collections.abc import Iterable

import yaml


def scalar(text: str) -> str:
    """A text in YAML, in quotes if it would be something else without; `${` stands for itself."""
    return dumped(literal(text), width=float("inf")).removesuffix("\n...")


def flow(names: Iterable[str]) -> str:
    """A list in one line."""
    return dumped([literal(name) for name in names], width=float("inf"), default_flow_style=True)


def dumped(value: str | list[str] | dict[str, str], *, width: float, default_flow_style: bool = False) -> str:
    """A value in YAML, without a last line break."""
    texts = value.items() if isinstance(value, dict) else value
    printable = all(part.isprintable() for text in texts for part in text)
    text: str = yaml.safe_dump(
        value,
        allow_unicode=printable,  # else PyYAML would read U+0085 and the like as line breaks of a text
        width=width,
        default_flow_style=default_flow_style,
    )
    return text.removesuffix("\n")


def literal(text: str) -> str:
    """A text that `parameters.substitute` leaves as it is."""
    return text.replace("${", "$${")
