"""Which resources are handled again because something else has changed; handlers as kopf calls them."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from procstream_operator.handlers.indices import only
from procstream_operator.handlers.producers import follow_daemon_set
from procstream_operator.handlers.rechecks import recheck, recheck_users
from procstream_operator.producers.manifest import PRODUCER_LABEL
from procstream_operator.resource import Key, Kind, Resource

from tests.unit.custom_resources.resources import ready_status, resource

NODES = resource(Kind.PRODUCER, {}, name="nodes")
TOPIC = resource(Kind.TOPIC, {"partitions": 1}, name="stat", status=ready_status())


class Rechecked:
    """The API, as far as handling again goes; `names` of the resources, in their order."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def recheck(self, found: Resource) -> None:
        self.names.append(found.key.name)


def memo(seen: object = None) -> Any:
    return SimpleNamespace(api=Rechecked(), seen=seen)


def daemon_set(ready: int) -> Any:
    status = {"observedGeneration": 1, "desiredNumberScheduled": 2, "numberReady": ready}
    return {"metadata": {"namespace": "shop", "generation": 1}, "status": status}


def follow(event: str | None, body: Any, known: Any) -> list[str]:
    """The producers that are handled again after an event of the DaemonSet."""
    known.api.names.clear()
    asyncio.run(
        follow_daemon_set(
            type=event,
            body=body,
            labels={PRODUCER_LABEL: "nodes"},
            memo=known,
            producers={NODES.key: [NODES]},  # type: ignore[arg-type]
        )
    )
    return list(known.api.names)


def test_progress_of_a_daemon_set_counts_once() -> None:
    known = memo()
    assert follow("MODIFIED", daemon_set(1), known) == ["nodes"]
    assert follow("MODIFIED", daemon_set(1), known) == []
    assert follow("MODIFIED", daemon_set(2), known) == ["nodes"]


def test_a_daemon_set_that_is_deleted_as_it_was_last_seen_counts() -> None:
    known = memo()
    follow("MODIFIED", daemon_set(2), known)
    assert follow("DELETED", daemon_set(2), known) == ["nodes"]


def test_what_the_first_list_shows_was_handled_at_the_start() -> None:
    known = memo()
    assert follow(None, daemon_set(2), known) == []
    assert follow("MODIFIED", daemon_set(2), known) == []


def test_every_producer_of_a_topic_is_handled_again() -> None:
    known, other = memo(), resource(Kind.PRODUCER, {}, name="other")
    users: Any = {(Kind.TOPIC, TOPIC.key): [NODES, other]}
    asyncio.run(recheck_users("MODIFIED", TOPIC, known, users))
    assert known.api.names == ["nodes", "other"]
    asyncio.run(recheck_users("MODIFIED", TOPIC, known, users))
    assert known.api.names == ["nodes", "other"]
    asyncio.run(recheck_users("DELETED", TOPIC, known, users))
    assert known.api.names == ["nodes", "other"] * 2


@pytest.mark.parametrize(
    "absent",
    [None, resource(Kind.TOPIC, {}, deletionTimestamp="2026-01-31T12:00:00Z")],
    ids=["none", "deleted"],
)
def test_a_resource_that_is_deleted_is_not_handled_again(absent: Resource | None) -> None:
    api: Any = Rechecked()
    asyncio.run(recheck(api, absent))
    assert api.names == []


def test_of_a_resource_and_its_successor_of_the_same_name_the_successor_counts() -> None:
    key = Key("shop", "nodes")
    found: Any = {key: ["earlier", "successor"]}
    assert only(found, key) == "successor"
    assert only(found, Key("shop", "absent")) is None
