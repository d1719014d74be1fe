"""Each server has one module that creates its clients. import-linter checks who imports their libraries."""

import ast
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]

KAFKA = {"AdminClient", "Consumer", "Producer", "DeserializingConsumer", "SerializingProducer"}
HTTP = {"Client", "AsyncClient", "get", "post", "request", "stream"}
CREATED_BY = {
    "httpx": {"flink.py", "kubernetes.py", "registry.py", "s3.py"},
    "psycopg": {"postgres.py"},
    "socket": {"postgres.py", "registry.py"},
    "urlopen": set[str](),
}
"""Modules of procstream_common by what they use to reach a server."""


def reached_by(call: ast.Call) -> str | None:
    """What a call uses to reach a server; None for other calls."""
    called = ast.unparse(call.func)
    module, _, name = called.rpartition(".")
    if name in KAFKA:
        return "confluent_kafka"
    if name == "urlopen":
        return name
    if (module == "httpx" and name in HTTP) or called in ("psycopg.connect", "socket.create_connection"):
        return module
    return None


def calls() -> Iterator[tuple[str, str]]:
    """What each module of the packages uses to reach a server, and the module's path."""
    for path in sorted(REPOSITORY.glob("*/procstream_*/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and (library := reached_by(node)) is not None:
                yield library, str(path.relative_to(REPOSITORY))


def test_clients_are_created_by_one_module_for_each_server() -> None:
    allowed = {
        (library, f"common/procstream_common/{module}")
        for library, modules in CREATED_BY.items()
        for module in modules
    }
    assert set(calls()) == allowed


def test_a_client_of_kafka_is_recognized() -> None:
    [call] = [node for node in ast.walk(ast.parse("kafka.Consumer({})")) if isinstance(node, ast.Call)]
    assert reached_by(call) == "confluent_kafka"
