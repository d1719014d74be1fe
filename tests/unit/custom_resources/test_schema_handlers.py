"""`Schema` resources, handled by kopf against an API server and a registry in this process."""

from datetime import timedelta
from typing import Any

import pytest
from procstream_common.errors import RefusedError, Server

from tests.unit.custom_resources.fake_servers import registry_away
from tests.unit.custom_resources.operating import SOON, Play, World

OLD = {"metadata": {"creationTimestamp": "2026-01-31T12:00:00Z"}}


def schema(definition: str = '"string"', **more: Any) -> dict[str, Any]:
    return {"subject": "orders-value", "definition": definition, "compatibility": "FULL", **more}


def test_a_new_schema_is_registered_with_two_writes(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Schema", "orders", schema())
            await world.api.until_ready("Schema", "orders", "True", "SchemaRegistered")
            await world.api.until(lambda: world.api.events("orders") == ["Registered"], "the event")
        assert world.registry.subjects == {"orders-value": ['"string"']}
        assert world.registry.levels == {"orders-value": "FULL"}
        status = world.api.get("Schema", "orders")["status"]
        assert (status["id"], status["version"]) == (10, 1)
        assert world.api.writes("orders") == ["PATCH status"]

    play(scenario)


def test_a_large_definition_is_not_stored_in_the_status_again(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Schema", "orders", schema('"' + 100_000 * "x" + '"'))
            await world.api.until_ready("Schema", "orders", "True", "SchemaRegistered")
        assert len(str(world.api.get("Schema", "orders")["status"])) < 1000

    play(scenario)


def test_a_change_is_a_new_version(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Schema", "orders", schema())
            await world.api.until_ready("Schema", "orders", "True", "SchemaRegistered")
            await world.api.patch("Schema", "orders", {"spec": {"definition": '"long"'}})
            await world.api.until_ready("Schema", "orders", "True", "SchemaRegistered")
            await world.api.until(
                lambda: world.api.events("orders") == ["Registered", "Registered"], "the events"
            )
        assert world.api.get("Schema", "orders")["status"]["version"] == 2

    play(scenario)


def test_an_incompatible_change_leaves_the_version_before(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.registry.incompatible = {'"long"'}
        async with world.operator():
            await world.api.create("Schema", "orders", schema())
            await world.api.until_ready("Schema", "orders", "True", "SchemaRegistered")
            await world.api.patch("Schema", "orders", {"spec": {"definition": '"long"'}})
            await world.api.until_ready("Schema", "orders", "False", "IncompatibleSchema")
            assert world.registry.subjects == {"orders-value": ['"string"']}
            world.registry.incompatible = set()
            await world.api.until_ready("Schema", "orders", "True", "SchemaRegistered")

    play(scenario)


@pytest.mark.parametrize(
    ("failure", "status", "reason"),
    [
        (registry_away(), "Unknown", "RegistryUnavailable"),
        (RefusedError(Server.REGISTRY, "answer 401"), "False", "NotAuthorized"),
        (RuntimeError("a defect"), "Unknown", "InternalError"),
    ],
)
def test_a_registry_that_fails_at_the_start_is_retried(
    play: Play, failure: Exception, status: str, reason: str
) -> None:
    async def scenario(world: World) -> None:
        world.registry.failure = failure
        await world.api.create("Schema", "orders", schema())
        async with world.operator():
            ready = await world.api.until_ready("Schema", "orders", status, reason)
            assert str(failure) in ready["message"]
            world.registry.failure = None
            await world.api.until_ready("Schema", "orders", "True", "SchemaRegistered")

    play(scenario)


def test_many_schemas_wait_once_for_a_registry_that_does_not_answer(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.registry.failure = registry_away()
        names = [f"s-{number}" for number in range(10)]
        for name in names:
            await world.api.create("Schema", name, schema(subject=name))
        async with world.operator():
            for name in names:
                await world.api.until_ready("Schema", name, "Unknown", "RegistryUnavailable")
            first = len(world.registry.requests)
        assert first < len(names)

    play(scenario)


def test_the_older_of_two_resources_owns_the_subject(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator(resync=SOON):
            await world.api.create("Schema", "first", schema(), **OLD)
            await world.api.until_ready("Schema", "first", "True", "SchemaRegistered")
            await world.api.create("Schema", "second", schema('"long"'))
            ready = await world.api.until_ready("Schema", "second", "False", "Conflict")
            assert "belongs to Schema shop/first" in ready["message"]
            assert world.registry.subjects == {"orders-value": ['"string"']}
            await world.api.delete("Schema", "first")
            await world.api.until_ready("Schema", "second", "True", "SchemaRegistered")

    play(scenario)


def test_drift_is_repaired_and_what_is_as_specified_costs_no_write(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator(resync=SOON):
            for name in ("level", "lost", "quiet"):
                await world.api.create("Schema", name, schema(subject=name))
                await world.api.until_ready("Schema", name, "True", "SchemaRegistered")
            world.registry.levels["level"] = "NONE"
            del world.registry.subjects["lost"]
            await world.api.until(lambda: world.api.events("level")[-1] == "DriftRepaired", "the event")
            await world.api.until(lambda: world.api.events("lost").count("Registered") == 2, "the event")
        assert world.registry.levels["level"] == "FULL"
        assert world.registry.subjects["lost"] == ['"string"']
        assert world.api.writes("quiet") == ["PATCH status"]

    play(scenario)


def test_a_registry_that_becomes_unavailable_is_noticed(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator(resync=SOON):
            await world.api.create("Schema", "orders", schema())
            await world.api.until_ready("Schema", "orders", "True", "SchemaRegistered")
            world.registry.failure = registry_away()
            await world.api.until_ready("Schema", "orders", "Unknown", "RegistryUnavailable")
            world.registry.failure = None
            await world.api.until_ready("Schema", "orders", "True", "SchemaRegistered")

    play(scenario)


def test_the_subject_is_deleted_with_its_resource_where_that_is_specified(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Schema", "kept", schema(subject="kept"))
            await world.api.create("Schema", "removed", schema(subject="removed", deletionPolicy="Delete"))
            await world.api.until_ready("Schema", "kept", "True", "SchemaRegistered")
            await world.api.until_ready("Schema", "removed", "True", "SchemaRegistered")
            await world.api.delete("Schema", "kept")
            assert not world.api.get("Schema", "kept"), "nothing delays its deletion"
            await world.api.delete("Schema", "removed")
            await world.api.until(lambda: not world.api.get("Schema", "removed"), "the resource is gone")
            await world.api.until(lambda: world.api.events("removed")[-1] == "Deleted", "the event")
        assert world.registry.subjects.keys() == {"kept"}

    play(scenario)


def test_a_subject_that_was_never_ours_is_not_deleted(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.registry.subjects["orders-value"] = ['"int"']
        world.registry.incompatible = {'"string"'}
        async with world.operator():
            await world.api.create("Schema", "orders", schema(deletionPolicy="Delete"))
            await world.api.until_ready("Schema", "orders", "False", "IncompatibleSchema")
            await world.api.delete("Schema", "orders")
            await world.api.until(lambda: not world.api.get("Schema", "orders"), "the resource is gone")
            await world.api.until(lambda: world.api.events("orders")[-1] == "Retained", "the event")
        assert world.registry.subjects == {"orders-value": ['"int"']}

    play(scenario)


def test_a_subject_that_another_resource_owns_is_not_deleted(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Schema", "first", schema(deletionPolicy="Delete"), **OLD)
            await world.api.until_ready("Schema", "first", "True", "SchemaRegistered")
            await world.api.create("Schema", "second", schema())
            await world.api.until_ready("Schema", "second", "False", "Conflict")
            await world.api.delete("Schema", "first")
            await world.api.until(lambda: not world.api.get("Schema", "first"), "the resource is gone")
            await world.api.until(lambda: world.api.events("first")[-1] == "Retained", "the event")
        assert world.registry.subjects == {"orders-value": ['"string"']}

    play(scenario)


def test_a_deletion_that_fails_is_abandoned_in_the_end(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.patience = timedelta(seconds=2)
        async with world.operator():
            await world.api.create("Schema", "orders", schema(deletionPolicy="Delete"))
            await world.api.until_ready("Schema", "orders", "True", "SchemaRegistered")
            world.registry.failure = registry_away()
            await world.api.delete("Schema", "orders")
            await world.api.until_ready("Schema", "orders", "Unknown", "DeletionPending")
            await world.api.until(lambda: not world.api.get("Schema", "orders"), "the resource is gone")
            await world.api.until(lambda: world.api.events("orders")[-1] == "DeletionAbandoned", "the event")
        assert "orders-value" in world.registry.subjects

    play(scenario)


def test_a_schema_that_is_refused_does_not_affect_others(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.registry.incompatible = {'"long"'}
        for name, definition in (("a", '"string"'), ("b", '"long"'), ("c", '"string"')):
            await world.api.create("Schema", name, schema(definition, subject=name))
        async with world.operator():
            await world.api.until_ready("Schema", "b", "False", "IncompatibleSchema")
            for name in ("a", "c"):
                await world.api.until_ready("Schema", name, "True", "SchemaRegistered")
        for name in ("a", "c"):
            conditions = [
                one["reason"]
                for body in world.api.versions("Schema", name)
                for one in body.get("status", {}).get("conditions", ())
            ]
            assert set(conditions) == {"SchemaRegistered"}

    play(scenario)


def test_a_deletion_that_the_registry_refuses_is_pending_and_does_not_affect_others(play: Play) -> None:
    async def scenario(world: World) -> None:
        names = ("a", "b", "c")
        async with world.operator():
            for name in names:
                await world.api.create("Schema", name, schema(subject=name, deletionPolicy="Delete"))
            for name in names:
                await world.api.until_ready("Schema", name, "True", "SchemaRegistered")
            world.registry.referenced = {"b"}
            for name in names:
                await world.api.delete("Schema", name)
            ready = await world.api.until_ready("Schema", "b", "Unknown", "DeletionPending")
            assert "other schemas refer to it" in ready["message"]
            for name in ("a", "c"):
                await world.api.until(lambda name=name: not world.api.get("Schema", name), "it is gone")
            assert world.registry.subjects.keys() == {"b"}
            world.registry.referenced = set()
            await world.api.until(lambda: not world.api.get("Schema", "b"), "it is gone")
        assert world.registry.subjects == {}

    play(scenario)
