"""Which of several resources that name the same topic or subject owns it. Pure."""

from collections.abc import Iterable

from procstream_operator.resource import Key, Resource


def owner_among(claims: Iterable[Resource]) -> Key | None:
    """The oldest resource that is not being deleted; of two of the same age the first by name."""
    living = [one for one in claims if one.deleted is None]
    return min(living, key=lambda one: (one.created, one.key)).key if living else None
