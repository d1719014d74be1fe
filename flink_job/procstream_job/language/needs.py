"""What must exist before a job is submitted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Need:
    """A topic or a subject, and the place in the pipeline file that names it."""

    place: str
    name: str


@dataclass(frozen=True)
class Needs:
    """Topics, and subjects of the registry."""

    topics: tuple[Need, ...] = ()
    subjects: tuple[Need, ...] = ()

    def __add__(self, other: "Needs") -> "Needs":
        return Needs(self.topics + other.topics, self.subjects + other.subjects)
