"""Mistakes in a pipeline file, a line each: the place, what was found, what was expected."""

from collections.abc import Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from procstream_job.formats.source import SOURCE_FORMATS
from procstream_job.language.mistakes import did_you_mean, place


def mistakes(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One line for each mistake: `sink.lake.tiem: unknown key; did you mean 'time'? expected …`."""
    return [_line(detail, model) for detail in error.errors()]


def _line(detail: ErrorDetails, model: type[BaseModel]) -> str:
    path, owner = _walk(detail["loc"], model)
    where = place(path)
    found, context = detail["input"], detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            known = sorted(owner.model_fields) if owner else []
            hint = did_you_mean(str(path[-1]), known)
            return f"{where}: unknown key{hint} expected one of: {', '.join(known)}"
        case "missing":
            return f"{where}: missing{_expectation(owner, path)}"
        case "union_tag_not_found":
            return f"{where}.format: missing; expected {' or '.join(SOURCE_FORMATS)}"
        case "union_tag_invalid":
            tag = str(context["tag"])
            known = [name.strip("' ") for name in str(context["expected_tags"]).split(",")]
            return f"{where}.format: found {tag!r}{did_you_mean(tag, known)} expected {' or '.join(known)}"
        case "literal_error":
            return f"{where}: found {found!r}; expected {context['expected']}"
        case "value_error":
            return f"{where}: {context['error']}" if where else str(context["error"])
        case "string_pattern_mismatch":
            return f"{where}: found {found!r}; expected text that matches {context['pattern']}"
        case "string_type":
            return f"{where}: found {found!r}; expected a text"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{where}: found {found!r}; expected a mapping"
        case "list_type":
            return f"{where}: found {found!r}; expected a list"
        case "too_short":
            return f"{where}: found none; expected at least {context['min_length']}"
    return f"{where}: found {found!r}; {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def _expectation(owner: type[BaseModel] | None, path: Sequence[str | int]) -> str:
    field = owner.model_fields.get(str(path[-1])) if owner else None
    return f"; expected: {field.description}" if field and field.description else ""


def _walk(
    loc: tuple[str | int, ...], model: type[BaseModel]
) -> tuple[list[str | int], type[BaseModel] | None]:
    """The path of a mistake as the file has it, and the model that its last key belongs to.

    pydantic's own location also names the chosen member of a union and `[key]` for a mapping's keys.
    """
    path: list[str | int] = []
    owner: type[BaseModel] | None = None
    kind: Any = model
    for part in loc:
        kind = _bare(kind)
        if part == "[key]":
            continue
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            owner = kind
            field = kind.model_fields.get(str(part))
            kind = field.annotation if field else None
        elif get_origin(kind) in (Union, UnionType):
            kind = _member(kind, part)
            continue
        elif get_origin(kind) in (dict, list):
            kind = get_args(kind)[-1]
        path.append(part)
    return path, owner


def _bare(kind: Any) -> Any:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, UnionType):
        members = [member for member in get_args(kind) if member is not type(None)]
        if len(members) == 1:
            return _bare(members[0])
    return kind


def _member(union: Any, tag: str | int) -> Any:
    for member in get_args(union):
        if isinstance(member, type) and issubclass(member, BaseModel):
            annotation = member.model_fields["format"].annotation
            if get_origin(annotation) is Literal and tag in get_args(annotation):
                return member
    return None
