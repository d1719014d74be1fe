"""Jobs in Flink's REST interface."""

from typing import Any

import httpx
from procstream_local.stack.home import Home

from tests.integration.waiting import until


def get(home: Home, path: str) -> Any:
    """`GET /<path>` of the JobManager."""
    response = httpx.get(f"http://127.0.0.1:{home.read().ports['flink-rest']}/{path}", timeout=10)
    return response.raise_for_status().json()


def restarts(home: Home, job_id: str) -> int:
    """How often a job was restarted since it was submitted."""
    # The JobManager collects metrics at most once a second; a job that has just started has none yet.
    metrics = until(lambda: get(home, f"jobs/{job_id}/metrics?get=numRestarts"), "metric numRestarts")
    return int(metrics[0]["value"])


def failures(home: Home, job_id: str) -> list[str]:
    """Every failure that the job had, by the name of its exception."""
    entries = get(home, f"jobs/{job_id}/exceptions")["exceptionHistory"]["entries"]
    return [entry["exceptionName"] for entry in entries]


def attempts(home: Home, job_id: str) -> set[int]:
    """Which attempt each subtask is at; {0} if none was ever started again."""
    vertices = get(home, f"jobs/{job_id}")["vertices"]
    return {
        subtask["attempt"]
        for vertex in vertices
        for subtask in get(home, f"jobs/{job_id}/vertices/{vertex['id']}")["subtasks"]
    }


def assert_never_restarted(home: Home, job_id: str) -> None:
    assert failures(home, job_id) == []
    assert restarts(home, job_id) == 0
    assert attempts(home, job_id) == {0}
