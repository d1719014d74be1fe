"""What the operator serves and how it starts and ends, against an API server in this process."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from procstream_common.errors import ProcstreamError, Server, UnavailableError
from procstream_operator import health
from procstream_operator.uninstallation import delete_resources

from tests.unit.custom_resources.fake_api import NAMESPACE
from tests.unit.custom_resources.operating import SOON, Play, World

DELETE = {"partitions": 1, "deletionPolicy": "Delete"}
LABELS = {"metadata": {"labels": {"app.kubernetes.io/instance": "events"}}}


def test_metrics_count_what_kopf_and_the_operator_request(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator(), httpx.AsyncClient(base_url=world.url) as client:
            await world.api.create("Topic", "orders", {"partitions": 1})
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            await world.api.until(lambda: world.api.events("orders"), "the event")
            text = (await client.get("/metrics")).text
            assert (await client.get("/readyz")).status_code == 200
        for line in (
            'procstream_operator_api_requests_total{resource="topics/status",verb="patch"} 1.0',
            'procstream_operator_api_requests_total{resource="events",verb="create"} 1.0',
            'procstream_operator_reconciliations_total{kind="Topic",result="done"} 1.0',
            'procstream_operator_resources{kind="Topic",ready="True"} 1.0',
            'procstream_operator_queue_length{kind="Topic"} 0.0',
            'procstream_operator_reconciliation_seconds_count{kind="Topic"} 1.0',
        ):
            assert line in text.splitlines()

    play(scenario)


def test_a_stalled_watch_is_unhealthy(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        monkeypatch.setattr(health, "_WATCH_SECONDS", 0.2)
        async with world.operator(resync=SOON), httpx.AsyncClient(base_url=world.url) as client:
            await world.api.create("Topic", "before", {"partitions": 1})
            await world.api.until_ready("Topic", "before", "True", "TopicReady")
            assert (await client.get("/healthz")).json() == {"status": "ok", "problems": []}
            page = await client.get("/healthz", headers={"Sec-Fetch-Site": "cross-site"})
            assert page.status_code == 403
            world.api.stalled = True
            await world.api.create("Topic", "after", {"partitions": 1})
            while (answer := await client.get("/healthz")).status_code == 200:
                await asyncio.sleep(0.02)
            [problem] = answer.json()["problems"]
            assert problem.startswith("the watch of Topic has brought nothing")

    play(scenario)


def test_tokens_of_kafka_are_renewed_meanwhile(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Topic", "orders", {"partitions": 1})
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
        assert world.connection.polls > 0

    play(scenario)


def test_missing_definitions_end_the_operator_with_one_line(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.api.absent.add("schemas")
        with pytest.raises(AssertionError, match=r"CustomResourceDefinitions of the chart's crds/ first"):
            async with world.operator():
                await world.api.until(lambda: False, "the end")

    play(scenario)


def test_a_failure_of_the_api_server_during_a_comparison_is_survived(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator(resync=SOON):
            await world.api.create("Topic", "orders", {"partitions": 1, "config": {"retention.ms": "5"}})
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            topics = ("GET", f"/apis/procstream.io/v1alpha1/namespaces/{NAMESPACE}/topics")
            world.api.unavailable.add(topics)
            seen = world.api.requests.count(topics)
            while world.api.requests.count(topics) < seen + 2:
                await asyncio.sleep(0.02)
            world.api.unavailable.clear()
            world.kafka.add("orders", 1, **{"retention.ms": "6"})
            await world.api.until(lambda: "DriftRepaired" in world.api.events("orders"), "the event")

    play(scenario)


def test_uninstalling_deletes_what_has_a_finalizer_and_waits_for_the_operator(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Topic", "removed", DELETE, **LABELS)
            await world.api.create("Topic", "kept", {"partitions": 1}, **LABELS)
            await world.api.create("Topic", "foreign", DELETE)
            for name in ("removed", "kept", "foreign"):
                await world.api.until_ready("Topic", name, "True", "TopicReady")
            await delete_resources(NAMESPACE, "app.kubernetes.io/instance=events", timedelta(seconds=10))
            assert not world.api.get("Topic", "removed")
            assert world.api.get("Topic", "kept")
            assert world.api.get("Topic", "foreign")
        assert world.kafka.topics.keys() == {"kept", "foreign"}

    play(scenario)


def test_uninstalling_names_what_was_not_deleted(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator():
            await world.api.create("Topic", "orders", DELETE, **LABELS)
            await world.api.until_ready("Topic", "orders", "True", "TopicReady")
            world.kafka.failure = UnavailableError(Server.KAFKA, "no broker answered")
            with pytest.raises(ProcstreamError, match="Topic shop/orders; expected a running operator"):
                await delete_resources(NAMESPACE, "app.kubernetes.io/instance=events", timedelta(seconds=0.1))

    play(scenario)
