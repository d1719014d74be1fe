"""Specifications of topics and schemas, with the field names of the `Topic` and `Schema` resources."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from procstream_common.errors import ProcstreamError


class _Spec(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        coerce_numbers_to_str=True,  # `retention.ms: 60000` is written without quotes
    )


class TopicSpec(_Spec):
    """A topic. The number of partitions cannot shrink. `config` has topic settings such as `retention.ms`."""

    topic_name: str = Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")
    partitions: int = Field(default=1, ge=1)
    replication_factor: int = Field(default=1, ge=1)
    config: dict[str, str] = {}


class SchemaReferenceSpec(_Spec):
    """A schema that another one uses: its `name` there, and where it is registered."""

    name: str = Field(min_length=1)
    subject: str = Field(min_length=1)
    version: int = Field(ge=1)


class SchemaSpec(_Spec):
    """A schema for a subject; `definition` is its text."""

    subject: str = Field(min_length=1)
    type: Literal["AVRO", "JSON", "PROTOBUF"] = "AVRO"
    definition: str
    compatibility: Literal[
        "NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"
    ] = "BACKWARD"
    references: tuple[SchemaReferenceSpec, ...] = ()


@dataclass(frozen=True)
class Provisions:
    """The topics and schemas of a values file."""

    topics: tuple[TopicSpec, ...]
    schemas: tuple[SchemaSpec, ...]


def first_mistake(error: ValidationError) -> str:
    """The first mistake in a specification: the field, what was found and what was expected."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    return f"{field}: found {first['input']!r}: {first['msg']}"


def read_values(path: Path) -> Provisions:
    """Read `topics` and `schemas` of a chart's values file; a schema's `file` is relative to it.

    Raises `ProcstreamError` that names the file and the field.
    """
    values: dict[str, Any] = yaml.safe_load(path.read_text()) or {}
    try:
        topics = tuple(TopicSpec.model_validate(topic) for topic in values.get("topics", []))
        schemas = tuple(_schema(schema, path.parent) for schema in values.get("schemas", []))
    except ValidationError as error:
        raise ProcstreamError(f"{path}: {error.title}.{first_mistake(error)}") from error
    return Provisions(topics, schemas)


def _schema(values: dict[str, Any], folder: Path) -> SchemaSpec:
    fields = dict(values)
    if "file" in fields:
        fields["definition"] = (folder / fields.pop("file")).read_text()
    return SchemaSpec.model_validate(fields)
