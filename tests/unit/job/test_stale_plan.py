import asyncio
from typing import Any

import pytest
from procstream_common.errors import NotFoundError, RefusedError, Server
from procstream_job.submitting.stale_plan import CHECKSUM_ANNOTATION, remove_stale_plan, stale_plan_patch

PLAN = "executionPlan-41797d658fefe1b7faa1d8309a86f91b"


def config_map(**annotations: str) -> dict[str, Any]:
    return {"metadata": {"annotations": annotations}, "data": {PLAN: "…", "counter": "3"}}


def test_the_plan_of_another_pipeline_is_removed_and_nothing_else() -> None:
    assert stale_plan_patch(config_map(**{CHECKSUM_ANNOTATION: "old"}), "new") == {
        "metadata": {"annotations": {CHECKSUM_ANNOTATION: "new"}},
        "data": {PLAN: None},
    }


def test_a_plan_of_which_nothing_is_known_is_removed() -> None:
    patch = stale_plan_patch({"metadata": {}, "data": {PLAN: "…"}}, "new")
    assert patch is not None
    assert patch["data"] == {PLAN: None}


def test_the_plan_of_this_pipeline_stays() -> None:
    assert stale_plan_patch(config_map(**{CHECKSUM_ANNOTATION: "same"}), "same") is None


def test_without_a_plan_the_pipeline_is_noted() -> None:
    assert stale_plan_patch({"metadata": {}}, "new") == {
        "metadata": {"annotations": {CHECKSUM_ANNOTATION: "new"}},
        "data": {},
    }


class FakeApiServer:
    """The ConfigMaps of a namespace, by path; `requests` are those that came."""

    def __init__(self, **config_maps: dict[str, Any]) -> None:
        self.objects = {
            f"/api/v1/namespaces/ns/configmaps/{name.replace('_', '-')}": found
            for name, found in config_maps.items()
        }
        self.requests: list[tuple[str, str, Any]] = []
        self.error: Exception | None = None

    async def request(self, verb: str, path: str, body: Any = None) -> dict[str, Any]:
        self.requests.append((verb, path, body))
        if self.error:
            raise self.error
        if path not in self.objects:
            raise NotFoundError(Server.KUBERNETES, path)
        return self.objects[path]


def removed(server: FakeApiServer, checksum: str = "new") -> bool:
    return asyncio.run(remove_stale_plan(server, "ns", "orders", checksum))  # type: ignore[arg-type]


def test_the_config_map_of_the_cluster_is_patched() -> None:
    server = FakeApiServer(orders_cluster_config_map=config_map(**{CHECKSUM_ANNOTATION: "old"}))
    assert removed(server)
    path = "/api/v1/namespaces/ns/configmaps/orders-cluster-config-map"
    patch = {"metadata": {"annotations": {CHECKSUM_ANNOTATION: "new"}}, "data": {PLAN: None}}
    assert server.requests == [("get", path, None), ("patch", path, patch)]


def test_the_first_start_of_a_cluster_has_nothing_to_remove() -> None:
    server = FakeApiServer(other_cluster_config_map=config_map())
    assert not removed(server)
    assert [verb for verb, *_ in server.requests] == ["get"]


def test_an_unchanged_pipeline_writes_nothing() -> None:
    server = FakeApiServer(orders_cluster_config_map=config_map(**{CHECKSUM_ANNOTATION: "new"}))
    assert not removed(server)
    assert [verb for verb, *_ in server.requests] == ["get"]


def test_without_a_plan_none_was_removed() -> None:
    server = FakeApiServer(orders_cluster_config_map={"metadata": {}, "data": {"counter": "3"}})
    assert not removed(server)
    assert [verb for verb, *_ in server.requests] == ["get", "patch"]


def test_a_refusal_stops_the_start() -> None:
    server = FakeApiServer()
    server.error = RefusedError(Server.KUBERNETES, "forbidden")
    with pytest.raises(RefusedError, match="forbidden"):
        removed(server)
