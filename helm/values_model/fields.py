"""Walks over the models, for the reference and for the comments."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from helm.values_model.part import LISTED, OMITTED, Part


@dataclass(frozen=True)
class Value:
    """A value that users can set."""

    name: str
    """Its key."""
    info: FieldInfo
    is_inherited: bool = False
    """Whether other models have it, too, such as what is set for pods."""

    @property
    def description(self) -> str:
        """In one line: its own, or that of its model."""
        part = self.part
        return " ".join((self.info.description or (part.__doc__ if part else None) or "").split())

    @property
    def part(self) -> type[Part] | None:
        """Its model, if it is a mapping of values."""
        return None if get_origin(self.info.annotation) in (list, dict) else _part(self.info.annotation)

    @property
    def entries(self) -> type[Part] | None:
        """The model of its entries, if it is a list or mapping of them."""
        annotation = self.info.annotation
        if get_origin(annotation) in (list, dict):
            return _part(get_args(annotation)[-1])
        return None

    @property
    def is_omitted(self) -> bool:
        """Whether `values.yaml` does not list it."""
        return OMITTED in self._extra

    @property
    def is_listed(self) -> bool:
        """Whether its content is kept in `values.yaml`."""
        return LISTED in self._extra

    @property
    def _extra(self) -> Mapping[str, Any]:
        extra = self.info.json_schema_extra
        return extra if isinstance(extra, dict) else {}


def values(part: type[Part]) -> Iterator[Value]:
    """Those of a model; its own ones before those that it inherits."""
    inherited = {name for base in part.__mro__[1:] if issubclass(base, Part) for name in base.model_fields}
    for name, info in sorted(part.model_fields.items(), key=lambda item: item[0] in inherited):
        yield Value(str(info.alias or name), info, name in inherited)


def _part(annotation: Any) -> type[Part] | None:
    found = [
        one for one in (annotation, *get_args(annotation)) if isinstance(one, type) and issubclass(one, Part)
    ]
    return found[0] if found else None
