"""What the operator itself requests of the API server."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest
from procstream_common.errors import ConflictError
from procstream_common.kubernetes import ApiServer
from procstream_operator.api import Api
from procstream_operator.resource import Kind, Resource

from tests.unit.custom_resources.fake_api import NAMESPACE
from tests.unit.custom_resources.operating import NEVER, Play, World


class Pages:
    """An API server that returns lists in pages of one."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.queries: list[dict[str, str]] = []

    async def request(self, verb: str, path: str, *, query: Mapping[str, str]) -> dict[str, Any]:
        assert (verb, path.rpartition("/")[2]) == ("list", "topics")
        self.queries.append(dict(query))
        at = int(query.get("continue", 0))
        more = {"continue": str(at + 1)} if at + 1 < len(self.names) else {}
        return {"items": [{"name": self.names[at]}], "metadata": more}


def test_a_list_has_all_pages_and_keeps_its_selector() -> None:
    pages = Pages("a", "b", "c")
    api = Api(cast(ApiServer, pages))
    found = asyncio.run(api.resources(Kind.TOPIC, [NAMESPACE], "app=x"))
    assert [one["name"] for one in found] == ["a", "b", "c"]
    assert [query["labelSelector"] for query in pages.queries] == ["app=x"] * 3


def test_a_list_has_the_resources_of_every_namespace() -> None:
    pages = Pages("a")
    found = asyncio.run(Api(cast(ApiServer, pages)).resources(Kind.TOPIC, ["one", "two"]))
    assert len(found) == 2


def test_a_check_of_a_resource_never_reaches_another_one_of_its_name(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.operator(resync=NEVER), world.client() as server:
            await world.api.create("Topic", "orders", {"partitions": 1})
            before = Resource.read(Kind.TOPIC, world.api.get("Topic", "orders"))
            await world.api.delete("Topic", "orders")
            await world.api.create("Topic", "orders", {"partitions": 2})
            with pytest.raises(ConflictError):
                await Api(server).recheck(before)

    play(scenario)
