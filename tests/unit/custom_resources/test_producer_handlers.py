"""`ProcstatProducer` resources, handled by kopf against an API server in this process."""

from typing import Any

from tests.unit.custom_resources.fake_api import Object
from tests.unit.custom_resources.fake_servers import kafka_away
from tests.unit.custom_resources.operating import SOON, Play, World

NODES = {"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 2}
DAEMON_SET = "/apis/apps/v1/namespaces/shop/daemonsets/nodes"


def producer(**more: Any) -> dict[str, Any]:
    return {"topicRef": {"name": "stat"}, "schemaRef": {"name": "stat-value"}, **more}


async def create_topic(world: World) -> None:
    await world.api.create("Topic", "stat", {"partitions": 1})


async def create_schema(world: World, subject: str = "stat-value") -> None:
    await world.api.create("Schema", "stat-value", {"subject": subject, "definition": '"string"'})


async def create_all(world: World, **more: Any) -> None:
    await create_topic(world)
    await create_schema(world)
    await world.api.create("ProcstatProducer", "nodes", producer(**more))


def daemon_set(world: World) -> Object:
    return world.api.get("DaemonSet", "nodes")


def connection(world: World) -> str:
    annotations = daemon_set(world)["spec"]["template"]["metadata"]["annotations"]
    return str(annotations["procstream.io/connection"])


def test_it_waits_for_its_topic_and_its_schema(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("ProcstatProducer", "nodes", producer())
            ready = await world.api.until_ready("ProcstatProducer", "nodes", "False", "WaitingForTopic")
            assert ready["message"] == "there is no Topic stat in this namespace"
            await create_topic(world)
            await world.api.until_ready("ProcstatProducer", "nodes", "False", "WaitingForSchema")
            assert not daemon_set(world)
            await create_schema(world)
            await world.api.until_ready("ProcstatProducer", "nodes", "False", "RollingOut")
            await world.api.patch_status("DaemonSet", "nodes", NODES)
            await world.api.until_ready("ProcstatProducer", "nodes", "True", "AllNodesSampled")
            await world.api.until(lambda: world.api.events("nodes")[-1] == "AllNodesSampled", "the event")
        assert world.api.events("nodes") == [
            "WaitingForTopic",
            "WaitingForSchema",
            "DaemonSetCreated",
            "RollingOut",
            "AllNodesSampled",
        ]
        [owner] = daemon_set(world)["metadata"]["ownerReferences"]
        assert owner["uid"] == world.api.get("ProcstatProducer", "nodes")["metadata"]["uid"]
        for body in world.api.versions("ProcstatProducer", "nodes"):
            assert "finalizers" not in body["metadata"]
            assert "annotations" not in body["metadata"]

    play(scenario)


def test_a_message_of_its_topic_is_passed_on(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await create_all(world)
            world.kafka.topics.clear()
            await world.api.create("Topic", "other", {"partitions": 0})
            await world.api.create("ProcstatProducer", "waiting", producer(topicRef={"name": "other"}))
            ready = await world.api.until_ready("ProcstatProducer", "waiting", "False", "WaitingForTopic")
            await world.api.until(
                lambda: "InvalidSpec" in world.api.ready("ProcstatProducer", "waiting")["message"], str(ready)
            )

    play(scenario)


def test_the_progress_of_the_rollout_is_followed(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await create_all(world)
            await world.api.until(lambda: daemon_set(world), "the DaemonSet")
            await world.api.patch_status("DaemonSet", "nodes", NODES)
            await world.api.until_ready("ProcstatProducer", "nodes", "True", "AllNodesSampled")
            await world.api.patch_status("DaemonSet", "nodes", {"numberReady": 1})
            await world.api.until_ready("ProcstatProducer", "nodes", "False", "PodsNotReady")
            await world.api.patch_status("DaemonSet", "nodes", {"numberReady": 2})
            await world.api.until_ready("ProcstatProducer", "nodes", "True", "AllNodesSampled")
        status = world.api.get("ProcstatProducer", "nodes")["status"]
        assert (status["topicName"], status["desired"], status["ready"]) == ("stat", 2, 2)

    play(scenario)


def test_a_daemon_set_of_another_owner_is_never_taken_over(play: Play) -> None:
    async def scenario(world: World) -> None:
        theirs = await world.api.create("DaemonSet", "nodes", {"selector": {}, "template": {"spec": {}}})
        async with world.operator(resync=SOON):
            await create_all(world)
            ready = await world.api.until_ready("ProcstatProducer", "nodes", "False", "Conflict")
            assert "this resource does not own" in ready["message"]
            await world.api.create("Topic", "later", {"partitions": 1})
            await world.api.until_ready("Topic", "later", "True", "TopicReady")
            assert daemon_set(world) == theirs
            assert ("PATCH", DAEMON_SET) not in world.api.requests
            await world.api.delete("DaemonSet", "nodes")
            await world.api.until(lambda: daemon_set(world), "its own DaemonSet")

    play(scenario)


def test_a_daemon_set_of_an_earlier_resource_of_the_name_is_not_taken_over(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await create_all(world)
            await world.api.until(lambda: daemon_set(world), "the DaemonSet")
            theirs = daemon_set(world)
            await world.api.delete("ProcstatProducer", "nodes")
            await world.api.create("ProcstatProducer", "nodes", producer(image="other:2"))
            await world.api.until_ready("ProcstatProducer", "nodes", "False", "Conflict")
            assert daemon_set(world) == theirs
            await world.api.delete("DaemonSet", "nodes")  # the garbage collector, as its owner is gone
            await world.api.until(lambda: daemon_set(world), "its own DaemonSet")
        [container] = daemon_set(world)["spec"]["template"]["spec"]["containers"]
        assert container["image"] == "other:2"

    play(scenario)


def test_a_daemon_set_that_was_changed_or_deleted_is_repaired_at_once(play: Play) -> None:
    async def scenario(world: World) -> None:
        def grace_period() -> object:
            pod = daemon_set(world).get("spec", {}).get("template", {}).get("spec", {})
            return pod.get("terminationGracePeriodSeconds")

        async with world.operator():
            await create_all(world)
            await world.api.until(lambda: grace_period() == 30, "the DaemonSet")
            change = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}
            await world.api.patch("DaemonSet", "nodes", change)
            await world.api.until(lambda: grace_period() == 30, "it is as specified again")
            await world.api.delete("DaemonSet", "nodes")
            await world.api.until(lambda: grace_period() == 30, "it exists again")
            await world.api.until(
                lambda: world.api.events("nodes").count("DaemonSetCreated") == 2, "the events"
            )
        assert "DaemonSetUpdated" in world.api.events("nodes")

    play(scenario)


def test_a_change_of_the_resource_changes_the_daemon_set(play: Play) -> None:
    async def scenario(world: World) -> None:
        def image() -> object:
            containers = (
                daemon_set(world).get("spec", {}).get("template", {}).get("spec", {}).get("containers")
            )
            return containers[0]["image"] if containers else None

        async with world.operator():
            await create_all(world)
            await world.api.until(lambda: image() == "producer:1", "the default image")
            await world.api.patch("ProcstatProducer", "nodes", {"spec": {"image": "other:2"}})
            await world.api.until(lambda: image() == "other:2", "the image of the resource")

    play(scenario)


def test_what_the_pods_read_has_to_exist_and_restarts_them_when_it_changes(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator(resync=SOON):
            await create_all(world, envFrom=[{"configMapRef": {"name": "settings"}}])
            ready = await world.api.until_ready("ProcstatProducer", "nodes", "False", "MissingReference")
            assert "there is no ConfigMap settings" in ready["message"]
            assert not daemon_set(world)
            await world.api.create("ConfigMap", "settings", data={"A": "1"})
            await world.api.until(lambda: daemon_set(world), "the DaemonSet")
            await world.api.patch_status("DaemonSet", "nodes", NODES)
            await world.api.until_ready("ProcstatProducer", "nodes", "True", "AllNodesSampled")
            before = connection(world)
            await world.api.patch("ConfigMap", "settings", {"data": {"A": "2"}})
            await world.api.until(lambda: connection(world) != before, "the pods are restarted")

    play(scenario)


def test_a_secret_that_the_operator_may_not_read_is_named(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.api.forbidden.add("/api/v1/namespaces/shop/secrets/login")
        async with world.operator():
            await create_all(world, envFrom=[{"secretRef": {"name": "login"}}])
            ready = await world.api.until_ready("ProcstatProducer", "nodes", "False", "ForbiddenReference")
            assert "operator.readableSecrets" in ready["message"]
        assert not daemon_set(world)

    play(scenario)


def test_a_daemon_set_that_is_refused_is_a_condition(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.api.refused.add(("PATCH", DAEMON_SET))
        async with world.operator():
            await create_all(world)
            await world.api.until_ready("ProcstatProducer", "nodes", "False", "DaemonSetRefused")
            world.api.refused.clear()
            await world.api.until(lambda: daemon_set(world), "the DaemonSet")

    play(scenario)


def test_an_api_server_that_is_unavailable_is_retried(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.api.unavailable.add(("GET", DAEMON_SET))
        async with world.operator():
            await create_all(world)
            await world.api.until(
                lambda: (
                    world.api.requests.count(("GET", DAEMON_SET)) > 1
                    or world.api.get("ProcstatProducer", "nodes")
                    .get("status", {})
                    .get("kopf", {})
                    .get("progress")
                ),
                "a further attempt",
            )
            assert not world.api.ready("ProcstatProducer", "nodes"), "nothing is claimed"
            world.api.unavailable.clear()
            await world.api.until(lambda: daemon_set(world), "the DaemonSet")

    play(scenario)


def test_a_schema_of_another_topic_is_refused(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await create_topic(world)
            await create_schema(world, "another-value")
            await world.api.create("ProcstatProducer", "nodes", producer())
            ready = await world.api.until_ready("ProcstatProducer", "nodes", "False", "SubjectMismatch")
            assert "looked up under stat-value" in ready["message"]
        assert not daemon_set(world)

    play(scenario)


def test_pods_that_run_are_not_touched_when_kafka_is_unavailable(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator(resync=SOON):
            await create_all(world)
            await world.api.until(lambda: daemon_set(world), "the DaemonSet")
            await world.api.patch_status("DaemonSet", "nodes", NODES)
            await world.api.until_ready("ProcstatProducer", "nodes", "True", "AllNodesSampled")
            before = daemon_set(world)
            world.kafka.failure = kafka_away()
            await world.api.until_ready("Topic", "stat", "Unknown", "KafkaUnavailable")
            await world.api.patch_status("DaemonSet", "nodes", {"numberReady": 1})
            await world.api.until_ready("ProcstatProducer", "nodes", "False", "PodsNotReady")
        assert daemon_set(world)["spec"] == before["spec"]

    play(scenario)


def test_a_restart_changes_nothing(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await create_all(world)
            await world.api.until(lambda: daemon_set(world), "the DaemonSet")
            await world.api.patch_status("DaemonSet", "nodes", NODES)
            await world.api.until_ready("ProcstatProducer", "nodes", "True", "AllNodesSampled")
            await world.api.until(lambda: "AllNodesSampled" in world.api.events("nodes"), "the event")
        before, gets = (
            world.api.get("ProcstatProducer", "nodes"),
            world.api.requests.count(("GET", DAEMON_SET)),
        )
        events = world.api.events("nodes")
        async with world.operator():
            await world.api.create("Topic", "later", {"partitions": 1})
            await world.api.until_ready("Topic", "later", "True", "TopicReady")
            await world.api.until(lambda: world.api.events("later") == ["Created"], "the event")
        assert world.api.requests.count(("GET", DAEMON_SET)) > gets, "it was compared at the start"
        assert world.api.get("ProcstatProducer", "nodes") == before
        assert world.api.events("nodes") == events

    play(scenario)
