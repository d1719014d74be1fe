"""/healthz and /metrics."""

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pytest
from procstream_common.web_pages import hosts_of
from procstream_producer.health import Health
from procstream_producer.metrics import SamplerMetrics
from procstream_producer.status_server import handler


def health(**facts: Any) -> Health:
    return Health(**({"interval": 1.0, "started_at": 100.0, "starting": None} | facts))


def test_recent_samples_are_health() -> None:
    well, report = health(last_sample_at=108.5, buffered=3).judge(109.0)
    assert well
    assert report == {
        "status": "ok",
        "last_sample_age_seconds": 0.5,
        "broker": "reachable",
        "records_buffered": 3,
    }


def test_an_unavailable_broker_does_not_make_it_unhealthy() -> None:
    well, report = health(last_sample_at=109.0, broker_unavailable=True).judge(109.0)
    assert well
    assert report["broker"] == "unavailable"


@pytest.mark.parametrize(
    ("facts", "now", "reason"),
    [
        ({"last_sample_at": 100.0}, 110.5, "no sample for 10.5 s, expected one every 1 s"),
        ({"last_sample_at": None}, 110.5, "no sample for 10.5 s, expected one every 1 s"),
        ({"last_sample_at": 100.0, "last_read_error": "gone"}, 120.0, "expected one every 1 s: gone"),
        (
            {"last_sample_at": 100.0, "interval": 60.0},
            281.0,
            "no sample for 181.0 s, expected one every 60 s",
        ),
        ({"last_sample_at": 110.0, "fatal": "fenced"}, 110.0, "fenced"),
        ({"starting": "waiting for the broker"}, 100.0, "waiting for the broker"),
    ],
)
def test_illness_has_a_reason(facts: dict[str, Any], now: float, reason: str) -> None:
    well, report = health(**facts).judge(now)
    assert not well
    assert report["status"] == "unhealthy"
    assert report["reason"].endswith(reason)


class FakeConnection:
    """A socket with one request in it."""

    def __init__(self, path: str, headers: Mapping[str, str]) -> None:
        fields = [f"{name}: {value}" for name, value in headers.items()]
        lines = [f"GET {path} HTTP/1.0", *fields, "", ""]
        self._request = BytesIO("\r\n".join(lines).encode())
        self.sent = b""

    def makefile(self, *_args: object, **_kwargs: object) -> BytesIO:
        return self._request

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def settimeout(self, _seconds: float) -> None:
        pass


def get(path: str, *, well: bool = True, listening_at: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
    connection = FakeConnection(path, {"Host": "localhost:9090", **headers})
    kind = handler(
        hosts_of(listening_at), metrics=lambda: b"a_metric 1\n", health=lambda: (well, {"status": "so so"})
    )
    kind(connection, ("127.0.0.1", 1), None)  # type: ignore[arg-type]
    head, _, body = connection.sent.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


def test_the_status_server_answers() -> None:
    assert get("/metrics") == (200, "a_metric 1\n")
    assert get("/metrics?name=x")[0] == 200
    assert get("/healthz") == (200, json.dumps({"status": "so so"}) + "\n")
    assert get("/healthz", well=False)[0] == 503
    assert get("/")[0] == 404


def test_requests_of_web_pages_are_refused() -> None:
    for headers in ({"Origin": "http://page.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert get("/metrics", **headers)[0] == 403
        assert get("/metrics", **headers, listening_at="0.0.0.0")[0] == 403
    status, reason = get("/healthz", Host="page.example")
    assert (status, reason[:39]) == (403, "refused: found Host 'page.example'; exp")
    # Prometheus and the kubelet name the address of the pod.
    assert get("/healthz", Host="10.1.2.3:9090", listening_at="0.0.0.0")[0] == 200


def test_every_series_is_there_from_the_start() -> None:
    text = SamplerMetrics().text().decode()
    for name in (
        "records_delivered_total 0.0",
        'records_dropped_total{reason="buffer_full"} 0.0',
        'records_dropped_total{reason="refused"} 0.0',
        'records_dropped_total{reason="shutdown"} 0.0',
        "records_buffered 0.0",
        "broker_unavailable 0.0",
        "ticks_skipped_total 0.0",
        "read_errors_total 0.0",
        "last_sample_timestamp_seconds 0.0",
    ):
        assert f"procstream_producer_{name}" in text
    assert "process_resident_memory_bytes" in text
    assert "_created" not in text
