import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from procstream_common.errors import ProcstreamError
from procstream_common.provisioning import SchemaSpec, ensure_schema

SPEC = SchemaSpec(subject="records-value", definition='"string"')


@contextmanager
def answering(answer: bytes | None) -> Iterator[str]:
    """URL of a server that gives this answer to every request, or none at all."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        connections = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connections.append(connection)
                connection.recv(65536)
                if answer is not None:
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def refusal(url: str) -> str:
    client = SchemaRegistryClient({"url": url, "timeout": 0.2, "max.retries": 0})
    with pytest.raises(ProcstreamError) as caught:
        ensure_schema(client, SPEC)
    return str(caught.value)


def test_registry_that_is_away_is_an_error_of_ours() -> None:
    assert "the schema registry did not answer: [Errno 111]" in refusal("http://127.0.0.1:1")


def test_registry_that_hangs_is_not_waited_for_without_end() -> None:
    with answering(None) as url:
        assert "the schema registry did not answer: timed out" in refusal(url)


def test_registry_that_refuses_the_schema_is_quoted() -> None:
    body = b'{"error_code": 409, "message": "not compatible"}'
    head = b"HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    with answering(head % len(body) + body) as url:
        assert refusal(url) == "subject records-value: the registry refused the schema: not compatible"
