"""Which of several resources that name the same thing has it. Pure."""

from collections.abc import Callable, Iterable, Mapping

from procstream_operator.controller import Key, Resource


def owners(resources: Iterable[Resource], identity: Callable[[Resource], str]) -> Mapping[str, Key]:
    """The oldest resource of each identity that is not being deleted; of two of one age the first by name."""
    found: dict[str, Key] = {}
    for resource in sorted(resources, key=lambda one: (one.created, one.key)):
        if resource.deleted is None:
            found.setdefault(identity(resource), resource.key)
    return found
