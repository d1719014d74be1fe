"""`Topic` resources, handled by kopf against an API server and a Kafka in this process."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka import KafkaError
from procstream_common.errors import RefusedError, Server, SettingsError
from procstream_operator import outcome
from procstream_operator.topics import kafka_topics, topic_readiness

from tests.unit.custom_resources.fake_servers import kafka_away
from tests.unit.custom_resources.operating import SOON, Play, World

DELETE = {"partitions": 1, "deletionPolicy": "Delete"}
OURS, OTHERS = "procstream.io/retained-data", "other.io/keep"


def finalizers(body: Mapping[str, Any]) -> list[str]:
    return list(body["metadata"].get("finalizers", []))


def test_a_new_topic_is_created_with_two_writes(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Topic", "orders", {"partitions": 3})
            ready = await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            await world.api.until(lambda: world.api.events("orders") == ["Created"], "the event")
        assert ready["message"] == "topic orders is as specified; every partition has a leader"
        assert world.kafka.topics["orders"].partitions == 3
        assert world.api.get("Topic", "orders")["status"]["topicId"] == "id-1"
        assert world.api.writes("orders") == ["PATCH status"]

    play(scenario)


def test_a_topic_that_is_retained_has_no_finalizer_and_no_annotation_and_goes_at_once(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Topic", "orders", {"partitions": 1})
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            await world.api.delete("Topic", "orders")
            assert world.api.get("Topic", "orders") == {}
        assert "orders" in world.kafka.topics
        for body in world.api.versions("Topic", "orders"):
            assert "finalizers" not in body["metadata"]
            assert "annotations" not in body["metadata"]

    play(scenario)


def test_topics_that_come_together_are_created_in_one_request(play: Play) -> None:
    async def scenario(world: World) -> None:
        names = [f"t-{number}" for number in range(30)]
        for name in names:
            await world.api.create("Topic", name, {"partitions": 1})
        async with world.operator():
            for name in names:
                await world.api.until_ready("Topic", name, "True", "TopicReady")
        assert [what for what, _ in world.kafka.requests] == ["describe", "change", "describe"]

    play(scenario)


def test_a_change_grows_the_topic_and_resets_what_is_no_longer_named(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create(
                "Topic", "orders", {"partitions": 2, "config": {"retention.ms": 5, "segment.ms": "7"}}
            )
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            await world.api.patch(
                "Topic", "orders", {"spec": {"partitions": 5, "config": {"segment.ms": None}}}
            )
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            expected = ["Created", "PartitionsAdded", "ConfigChanged"]
            await world.api.until(lambda: world.api.events("orders") == expected, "the events")
        assert world.kafka.topics["orders"].partitions == 5
        assert world.kafka.topics["orders"].config == {"retention.ms": "5"}
        assert world.api.get("Topic", "orders")["status"]["managedConfig"] == ["retention.ms"]

    play(scenario)


def test_labels_and_annotations_are_no_change(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Topic", "orders", {"partitions": 1})
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            requests = len(world.kafka.requests)
            await world.api.patch("Topic", "orders", {"metadata": {"labels": {"team": "a"}}})
            await world.api.create("Topic", "later", {"partitions": 1})
            await world.api.until_ready("Topic", "later", "True", "TopicReady")
        assert world.api.writes("orders") == ["PATCH status"]
        assert all(names == ("later",) for _, names in world.kafka.requests[requests:])

    play(scenario)


def test_a_topic_that_existed_is_adopted(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.kafka.add("orders", 3)
        async with world.operator():
            await world.api.create("Topic", "orders", {"partitions": 2})
            ready = await world.api.until_ready("Topic", "orders", "False", "PartitionsCannotShrink")
            await world.api.until(
                lambda: world.api.events("orders") == ["Adopted", "PartitionsCannotShrink"], "the events"
            )
        assert "the topic has 3 partitions" in ready["message"]

    play(scenario)


def test_the_older_of_two_resources_owns_the_topic_and_the_other_takes_over(play: Play) -> None:
    async def scenario(world: World) -> None:
        old = {"metadata": {"creationTimestamp": "2026-01-31T12:00:00Z"}}
        async with world.operator(resync=SOON):
            await world.api.create("Topic", "first", {"partitions": 1, "topicName": "shared"}, **old)
            await world.api.until_ready("Topic", "first", "True", "TopicReady")
            await world.api.create("Topic", "second", {"partitions": 2, "topicName": "shared"})
            ready = await world.api.until_ready("Topic", "second", "False", "Conflict")
            assert "belongs to Topic shop/first, which is older" in ready["message"]
            assert world.kafka.topics["shared"].partitions == 1
            await world.api.delete("Topic", "first")
            await world.api.until_ready("Topic", "second", "True", "TopicReady")
        assert world.kafka.topics["shared"].partitions == 2

    play(scenario)


def test_what_kafka_refuses_is_a_condition_and_is_retried(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.kafka.refusals["orders"] = KafkaError.INVALID_REPLICATION_FACTOR
        async with world.operator():
            await world.api.create("Topic", "orders", {"partitions": 1})
            await world.api.until_ready("Topic", "orders", "False", "InvalidReplicationFactor")
            world.kafka.refusals.clear()
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            await world.api.until(
                lambda: world.api.events("orders") == ["InvalidReplicationFactor", "Created"], "the events"
            )
        kopf = world.api.get("Topic", "orders")["status"]["kopf"]
        assert not kopf.get("progress"), "nothing is pending"

    play(scenario)


@pytest.mark.parametrize(
    ("failure", "status", "reason"),
    [
        (kafka_away(), "Unknown", "KafkaUnavailable"),
        (RefusedError(Server.KAFKA, "SASL authentication failed"), "False", "NotAuthorized"),
        (RuntimeError("a defect"), "Unknown", "InternalError"),
    ],
)
def test_a_kafka_that_fails_at_the_start_is_retried(
    play: Play, failure: Exception, status: str, reason: str
) -> None:
    async def scenario(world: World) -> None:
        world.kafka.failure = failure
        await world.api.create("Topic", "orders", {"partitions": 1})
        async with world.operator():
            ready = await world.api.until_ready("Topic", "orders", status, reason)
            assert str(failure) in ready["message"]
            world.kafka.failure = None
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")

    play(scenario)


def test_wrong_settings_are_a_condition(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.connection.settings_failure = SettingsError("KAFKA_SASL_PASSWORD is not set")
        async with world.operator():
            await world.api.create("Topic", "orders", {"partitions": 1})
            await world.api.until_ready("Topic", "orders", "Unknown", "OperatorMisconfigured")
            world.connection.settings_failure = None
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")

    play(scenario)


def test_a_change_is_not_put_off_by_a_failure_before_it(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        monkeypatch.setattr(outcome, "_FIRST_DELAY", 3600.0)
        monkeypatch.setattr(outcome, "_LONGEST_DELAY", 3600.0)
        world.kafka.refusals["orders"] = KafkaError.INVALID_CONFIG
        async with world.operator():
            await world.api.create("Topic", "orders", {"partitions": 1, "config": {"x": "1"}})
            await world.api.until_ready("Topic", "orders", "False", "InvalidConfig")
            world.kafka.refusals.clear()
            await world.api.patch("Topic", "orders", {"spec": {"config": None}})
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")

    play(scenario)


def test_an_internal_error_with_one_topic_does_not_affect_others(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.kafka.broken = {"b"}
        for name in ("a", "b", "c"):
            await world.api.create("Topic", name, {"partitions": 1})
        async with world.operator():
            await world.api.until_ready("Topic", "a", "True", "TopicReady")
            await world.api.until_ready("Topic", "c", "True", "TopicReady")
            await world.api.until_ready("Topic", "b", "Unknown", "InternalError")

    play(scenario)


def test_a_topic_without_leaders_is_checked_again(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        monkeypatch.setattr(kafka_topics, "_LEADERS_WITHIN", 0.0)
        monkeypatch.setattr(topic_readiness, "_LEADER_POLL_SECONDS", 0.05)
        world.kafka.add("orders")
        there = world.kafka.topics["orders"]
        world.kafka.topics["orders"] = replace(there, leaderless=(0,))
        async with world.operator():
            await world.api.create("Topic", "orders", {"partitions": 1})
            await world.api.until_ready("Topic", "orders", "False", "WaitingForLeaders")
            world.kafka.topics["orders"] = there
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")

    play(scenario)


def test_the_topic_is_deleted_with_its_resource_where_that_is_specified(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Topic", "orders", DELETE)
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            assert finalizers(world.api.get("Topic", "orders")) == [OURS]
            await world.api.delete("Topic", "orders")
            await world.api.until(lambda: not world.api.get("Topic", "orders"), "the resource is gone")
            await world.api.until(lambda: world.api.events("orders") == ["Created", "Deleted"], "the events")
        assert world.kafka.topics == {}

    play(scenario)


def test_finalizers_of_other_controllers_stay(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Topic", "orders", DELETE, metadata={"finalizers": [OTHERS]})
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            assert finalizers(world.api.get("Topic", "orders")) == [OTHERS, OURS]
            await world.api.delete("Topic", "orders")
            await world.api.until(
                lambda: finalizers(world.api.get("Topic", "orders")) == [OTHERS], "only ours is removed"
            )
        assert world.kafka.topics == {}

    play(scenario)


def test_the_finalizer_follows_the_policy(play: Play) -> None:
    async def scenario(world: World) -> None:
        def has(*names: str) -> bool:
            return finalizers(world.api.get("Topic", "orders")) == list(names)

        async with world.operator():
            await world.api.create("Topic", "orders", {"partitions": 1}, metadata={"finalizers": [OTHERS]})
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            assert has(OTHERS)
            await world.api.patch("Topic", "orders", {"spec": {"deletionPolicy": "Delete"}})
            await world.api.until(lambda: has(OTHERS, OURS), "it has the finalizer")
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            await world.api.patch("Topic", "orders", {"spec": {"deletionPolicy": "Retain"}})
            await world.api.until(lambda: has(OTHERS), "it has lost the finalizer")
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")

    play(scenario)


def test_a_topic_that_another_controller_holds_back_is_not_deleted_by_us(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Topic", "orders", {"partitions": 1}, metadata={"finalizers": [OTHERS]})
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            await world.api.delete("Topic", "orders")
            await world.api.create("Topic", "later", {"partitions": 1})
            await world.api.until_ready("Topic", "later", "True", "TopicReady")
        assert finalizers(world.api.get("Topic", "orders")) == [OTHERS]
        assert "orders" in world.kafka.topics

    play(scenario)


def test_a_deletion_that_fails_is_retried_until_it_is_abandoned(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.patience = timedelta(seconds=2)
        async with world.operator():
            await world.api.create("Topic", "orders", DELETE)
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            world.kafka.failure = kafka_away()
            await world.api.delete("Topic", "orders")
            await world.api.until_ready("Topic", "orders", "Unknown", "DeletionPending")
            await world.api.until(lambda: not world.api.get("Topic", "orders"), "the resource is gone")
            await world.api.until(lambda: "DeletionAbandoned" in world.api.events("orders"), "the event")
        assert "orders" in world.kafka.topics

    play(scenario)


def test_a_pending_deletion_ends_when_the_policy_becomes_retain(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Topic", "orders", DELETE)
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            world.kafka.failure = kafka_away()
            await world.api.delete("Topic", "orders")
            await world.api.until_ready("Topic", "orders", "Unknown", "DeletionPending")
            await world.api.patch("Topic", "orders", {"spec": {"deletionPolicy": "Retain"}})
            await world.api.until(lambda: not world.api.get("Topic", "orders"), "the resource is gone")
            await world.api.until(lambda: world.api.events("orders")[-1] == "Retained", "the event")
        assert "orders" in world.kafka.topics

    play(scenario)


def test_a_topic_that_was_never_ours_is_not_deleted(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.kafka.add("orders", 1)
        world.kafka.refusals["orders"] = KafkaError.TOPIC_AUTHORIZATION_FAILED
        async with world.operator():
            await world.api.create("Topic", "orders", {**DELETE, "partitions": 2})
            await world.api.until_ready("Topic", "orders", "False", "NotAuthorized")
            await world.api.delete("Topic", "orders")
            await world.api.until(lambda: not world.api.get("Topic", "orders"), "the resource is gone")
            await world.api.until(lambda: world.api.events("orders")[-1] == "Retained", "the event")
        assert ("delete", ("orders",)) not in world.kafka.requests

    play(scenario)


def test_a_topic_that_another_resource_owns_is_not_deleted(play: Play) -> None:
    async def scenario(world: World) -> None:
        old = {"metadata": {"creationTimestamp": "2026-01-31T12:00:00Z"}}
        async with world.operator():
            await world.api.create("Topic", "first", {**DELETE, "topicName": "shared"}, **old)
            await world.api.until_ready("Topic", "first", "True", "TopicReady")
            await world.api.create("Topic", "second", {**DELETE, "topicName": "shared"})
            await world.api.until_ready("Topic", "second", "False", "Conflict")
            await world.api.delete("Topic", "second")
            await world.api.until(lambda: not world.api.get("Topic", "second"), "the resource is gone")
            await world.api.create("Topic", "third", {"partitions": 1, "topicName": "shared"})
            await world.api.until_ready("Topic", "third", "False", "Conflict")
            await world.api.delete("Topic", "first")
            await world.api.until(lambda: not world.api.get("Topic", "first"), "the resource is gone")
            for name in ("first", "second"):
                await world.api.until(lambda name=name: world.api.events(name)[-1] == "Retained", "the event")
        assert "shared" in world.kafka.topics

    play(scenario)


def test_a_resource_of_the_same_name_is_another_one(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Topic", "orders", {"partitions": 1, "topicName": "old"})
            world.kafka.gate.clear()
            await world.api.until(lambda: world.kafka.requests or True, "a request")
            await world.api.delete("Topic", "orders")
            await world.api.create("Topic", "orders", {"partitions": 2, "topicName": "new"})
            world.kafka.gate.set()
            await world.api.until(
                lambda: world.api.get("Topic", "orders").get("status", {}).get("topicName") == "new",
                "the status is that of the second",
            )
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
        assert world.kafka.topics["new"].partitions == 2
        assert world.api.get("Topic", "orders")["metadata"]["uid"] == "uid-2"

    play(scenario)


def test_a_restart_changes_nothing(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Topic", "orders", DELETE)
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            await world.api.until(lambda: world.api.events("orders") == ["Created"], "the event")
        before = world.api.get("Topic", "orders")
        world.kafka.requests.clear()
        async with world.operator():
            await world.api.create("Topic", "later", {"partitions": 1})
            await world.api.until_ready("Topic", "later", "True", "TopicReady")
            await world.api.until(lambda: world.api.events("later") == ["Created"], "the event")
        assert any("orders" in names for _, names in world.kafka.requests), "it was compared at the start"
        assert world.api.get("Topic", "orders") == before
        assert world.api.events("orders") == ["Created"]

    play(scenario)


def test_what_happened_while_the_operator_was_down_is_made_up_for(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            for name in ("grown", "drifted", "deleted"):
                await world.api.create("Topic", name, {**DELETE, "config": {"retention.ms": "5"}})
                await world.api.until_ready("Topic", name, "True", "TopicReady")
        await world.api.patch("Topic", "grown", {"spec": {"partitions": 4}})
        world.kafka.add("drifted", 1, **{"retention.ms": "6"})
        await world.api.delete("Topic", "deleted")
        async with world.operator():
            await world.api.until_ready("Topic", "grown", "True", "TopicReady")
            await world.api.until(lambda: not world.api.get("Topic", "deleted"), "the resource is gone")
            await world.api.until(lambda: "DriftRepaired" in world.api.events("drifted"), "the event")
        assert world.kafka.topics["grown"].partitions == 4
        assert world.kafka.topics["drifted"].config == {"retention.ms": "5"}
        assert "deleted" not in world.kafka.topics

    play(scenario)


def test_a_create_that_was_cut_off_is_completed(play: Play) -> None:
    async def scenario(world: World) -> None:
        await world.api.create("Topic", "orders", {"partitions": 1})
        world.kafka.add("orders")  # created, and then the operator was killed before it wrote the status
        async with world.operator():
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")

    play(scenario)


def test_drift_is_repaired_and_what_is_as_specified_costs_no_write(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator(resync=SOON):
            for name in ("drifting", "vanishing", "quiet"):
                await world.api.create("Topic", name, {"partitions": 1, "config": {"retention.ms": "5"}})
                await world.api.until_ready("Topic", name, "True", "TopicReady")
            world.kafka.add("drifting", 1, **{"retention.ms": "6", "segment.ms": "1"})
            del world.kafka.topics["vanishing"]
            await world.api.until(lambda: "DriftRepaired" in world.api.events("drifting"), "the event")
            await world.api.until(lambda: "Recreated" in world.api.events("vanishing"), "the event")
            await world.api.until_ready("Topic", "drifting", "True", "TopicReady")
        assert world.kafka.topics["drifting"].config == {"retention.ms": "5", "segment.ms": "1"}
        assert world.api.writes("quiet") == ["PATCH status"]

    play(scenario)


def test_a_leader_that_is_lost_is_noticed(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        monkeypatch.setattr(kafka_topics, "_LEADERS_WITHIN", 0.0)
        monkeypatch.setattr(topic_readiness, "_LEADER_POLL_SECONDS", 0.05)
        async with world.operator(resync=SOON):
            await world.api.create("Topic", "orders", {"partitions": 1})
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            there = world.kafka.topics["orders"]
            world.kafka.topics["orders"] = replace(there, leaderless=(0,))
            await world.api.until_ready("Topic", "orders", "False", "WaitingForLeaders")
            world.kafka.topics["orders"] = there
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")

    play(scenario)


def test_a_kafka_that_becomes_unavailable_is_noticed(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator(resync=SOON):
            await world.api.create("Topic", "orders", {"partitions": 1})
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            world.kafka.failure = kafka_away()
            await world.api.until_ready("Topic", "orders", "Unknown", "KafkaUnavailable")
            world.kafka.failure = None
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")

    play(scenario)


def test_a_topic_that_kafka_does_not_describe_does_not_affect_others(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.kafka.hidden["b"] = KafkaError.TOPIC_AUTHORIZATION_FAILED
        for name in ("a", "b", "c"):
            await world.api.create("Topic", name, {"partitions": 1})
        async with world.operator():
            ready = await world.api.until_ready("Topic", "b", "False", "NotAuthorized")
            assert ready["message"] == "topic b could not be described: refused"
            for name in ("a", "c"):
                await world.api.until_ready("Topic", name, "True", "TopicReady")
            assert world.kafka.topics.keys() == {"a", "c"}
            world.kafka.hidden.clear()
            await world.api.until_ready("Topic", "b", "True", "TopicReady")

    play(scenario)


def test_a_permission_that_is_lost_is_noticed(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator(resync=SOON):
            await world.api.create("Topic", "orders", {"partitions": 1})
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            world.kafka.hidden["orders"] = KafkaError.TOPIC_AUTHORIZATION_FAILED
            await world.api.until_ready("Topic", "orders", "False", "NotAuthorized")

    play(scenario)


def test_a_deletion_that_kafka_refuses_is_pending_and_does_not_affect_others(play: Play) -> None:
    async def scenario(world: World) -> None:
        names = ("a", "b", "c")
        async with world.operator():
            for name in names:
                await world.api.create("Topic", name, DELETE)
            for name in names:
                await world.api.until_ready("Topic", name, "True", "TopicReady")
            world.kafka.refusals["b"] = KafkaError.TOPIC_AUTHORIZATION_FAILED
            for name in names:
                await world.api.delete("Topic", name)
            ready = await world.api.until_ready("Topic", "b", "Unknown", "DeletionPending")
            assert "topic b could not be deleted: refused" in ready["message"]
            for name in ("a", "c"):
                await world.api.until(lambda name=name: not world.api.get("Topic", name), "it is gone")
                await world.api.until(lambda name=name: world.api.events(name)[-1] == "Deleted", "the event")
            assert world.kafka.topics.keys() == {"b"}
            world.kafka.refusals.clear()
            await world.api.until(lambda: not world.api.get("Topic", "b"), "it is gone")
        assert world.kafka.topics == {}

    play(scenario)


def test_an_internal_error_in_a_comparison_does_not_end_the_comparisons(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator(resync=SOON):
            await world.api.create("Topic", "orders", {"partitions": 1, "config": {"retention.ms": "5"}})
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            requests = len(world.kafka.requests)
            world.kafka.failure = RuntimeError("a defect")
            async with asyncio.timeout(10):
                while len(world.kafka.requests) < requests + 2:
                    await asyncio.sleep(0.02)
            world.kafka.failure = None
            world.kafka.add("orders", 1, **{"retention.ms": "6"})
            await world.api.until(lambda: "DriftRepaired" in world.api.events("orders"), "the event")

    play(scenario)
