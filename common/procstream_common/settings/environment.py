"""Loads environment variables into a typed model, and turns pydantic's errors into one readable line."""

import os
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from procstream_common.errors import SettingsError


class EnvironmentSettings(BaseModel):
    """A model whose fields name their environment variable (`validation_alias`).

    A field's `description` describes a correct value. Errors show it after "expected".
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def variable(cls, field: str) -> str:
        """Name of the environment variable of `field`."""
        return str(cls.model_fields[field].validation_alias)

    def is_set(self, field: str) -> bool:
        """Whether `field` has a value."""
        return getattr(self, field) is not None


SettingsT = TypeVar("SettingsT", bound=EnvironmentSettings)


def load(settings: type[SettingsT], env: Mapping[str, str] | None = None) -> SettingsT:
    """Build `settings` from `env`, by default this process's environment.

    Raises:
        SettingsError: a variable is missing or wrong, or two of them contradict each other.
    """
    source = os.environ if env is None else env
    variables = (settings.variable(field) for field in settings.model_fields)
    found = {name: source[name] for name in variables if source.get(name, "").strip()}
    try:
        return settings.model_validate(found)
    except ValidationError as error:
        raise SettingsError("; ".join(_line(settings, detail) for detail in error.errors())) from None


def _line(settings: type[EnvironmentSettings], detail: ErrorDetails) -> str:
    variable = str(detail["loc"][0])
    field = next(info for info in settings.model_fields.values() if info.validation_alias == variable)
    expected = f"expected {field.description}"
    if detail["type"] == "missing":
        return f"{variable} is not set, {expected}"
    reason = f" ({detail['ctx']['error']})" if detail["type"] == "value_error" else ""
    found = "a hidden value" if _is_secret(field.annotation) else repr(detail["input"])
    return _without_credentials(f"{variable}: found {found}{reason}, {expected}")


def _without_credentials(text: str) -> str:
    return re.sub(r"//[^/@]*@", "//***@", text)


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or SecretStr in getattr(annotation, "__args__", ())
