"""`${NAME}` in a pipeline file: the environment's value, else the default under `parameters`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from procstream_job.language.mistakes import did_you_mean, place

_REFERENCE = re.compile(r"\$(\$?)\{([^}]*)\}")


class ParameterError(Exception):
    """References that have no value, or values of a wrong type; `mistakes` has one line each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


@dataclass
class Parameters:
    """Values by name, and what was found wrong so far."""

    defaults: Mapping[str, Any]
    env: Mapping[str, str]
    mistakes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, declared: Any, env: Mapping[str, str]) -> "Parameters":
        """Parameters declared in the file; the model reports what is no mapping."""
        parameters = cls(declared if isinstance(declared, dict) else {}, env)
        for name, default in parameters.defaults.items():
            given = env.get(str(name))
            if given is not None and not _fits(given, default):
                parameters.mistakes.append(
                    f"parameters.{name}: found {given!r} in the environment; "
                    f"expected {_kind(default)} as its default {_text(default)}"
                )
        return parameters

    def value(self, name: str, at: tuple[str | int, ...]) -> str:
        """Text of a parameter; a missing one is a mistake at the place `at`."""
        if name in self.env:
            return self.env[name]
        if name in self.defaults:
            return _text(self.defaults[name])
        self.mistakes.append(
            f"{place(at)}: parameter ${{{name}}} has no value{did_you_mean(name, self.defaults)}"
            " set it under parameters or in the environment"
        )
        return ""

    def check(self) -> None:
        """Raise `ParameterError` if anything was wrong."""
        if self.mistakes:
            raise ParameterError(self.mistakes)


def substitute(value: Any, at: tuple[str | int, ...], parameters: Parameters) -> Any:
    """`value` with its references replaced in every string; `$${NAME}` stands for `${NAME}` itself."""
    match value:
        case str():
            return _REFERENCE.sub(lambda m: m[0][1:] if m[1] else parameters.value(m[2].strip(), at), value)
        case dict():
            return {key: substitute(part, (*at, key), parameters) for key, part in value.items()}
        case list():
            return [substitute(part, (*at, index), parameters) for index, part in enumerate(value)]
    return value


def references(value: Any) -> frozenset[str]:
    """The names that `substitute` needs values for."""
    match value:
        case str():
            return frozenset(m[2].strip() for m in _REFERENCE.finditer(value) if not m[1])
        case dict():
            return frozenset().union(*map(references, value.values()))
        case list():
            return frozenset().union(*map(references, value))
    return frozenset()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(default: Any) -> str:
    match default:
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number"
    return "a text"


def _fits(given: str, default: Any) -> bool:
    match default:
        case bool():
            return given in ("true", "false")
        case int():
            return re.fullmatch(r"[+-]?\d+", given) is not None
        case float():
            try:
                float(given)
            except ValueError:
                return False
    return True
