"""What every model of values is built on."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

OMITTED = "x-omitted"
"""Marks a field that `values.yaml` does not list unless it is set."""
LISTED = "x-listed"
"""Marks a field whose content is kept in `values.yaml`."""


class Part(BaseModel):
    """A mapping of values, with keys in camelCase, as in Kubernetes. An unknown key is a mistake."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="forbid", frozen=True
    )


def omitted(description: str, **constraints: Any) -> Any:
    """A field that `values.yaml` does not list: it has no default, or its default is someone else's."""
    return Field(
        None,
        description=description,
        exclude_if=lambda value: value is None,
        json_schema_extra={OMITTED: True},
        **constraints,
    )


def listed(description: str, empty: Any) -> Any:
    """A field whose content is kept in `values.yaml`, where users edit it: its default is not checked."""
    return Field(empty, description=description, json_schema_extra={LISTED: True})
