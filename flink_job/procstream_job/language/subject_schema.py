"""What the registry has of a subject when a job is planned."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SubjectSchema:
    """The schema of a subject, and those that its records may have been written with."""

    text: str
    """The newest one, which records are resolved to."""
    by_id: Mapping[int, str] = field(default_factory=dict)
    """Texts of its versions by the registry's ids. They travel with the plan, and are not looked up."""
