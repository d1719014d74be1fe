"""Checks before a job is submitted, so that one line names what is missing, in seconds."""

from collections.abc import Callable, Collection

from procstream_common.errors import NotFoundError

from procstream_job.language.mistakes import PlacedError, did_you_mean
from procstream_job.language.needs import Needs
from procstream_job.language.subject_schema import SubjectSchema


class MissingError(PlacedError):
    """A topic or a subject does not exist: a later attempt may find it."""


def check_topics(needs: Needs, existing: Collection[str]) -> None:
    """Raise `MissingError` for a topic that does not exist; the message suggests a similar name."""
    for need in needs.topics:
        if need.name not in existing:
            hint = did_you_mean(need.name, existing).removesuffix(";")
            raise MissingError(f"{need.place}.topic: topic {need.name!r} does not exist{hint}")


def registered_schemas(needs: Needs, schema_of: Callable[[str], SubjectSchema]) -> dict[str, SubjectSchema]:
    """The schema of each subject; raises `MissingError` if one is not registered."""
    schemas = {}
    for need in needs.subjects:
        try:
            schemas[need.name] = schema_of(need.name)
        except NotFoundError as error:
            raise MissingError(f"{need.place}: {error}") from None
    return schemas
