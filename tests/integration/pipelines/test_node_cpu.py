"""CPU use from counters that grow, are reset, come twice or out of order."""

from typing import Any

import pytest

from tests.integration import records
from tests.integration.running import RunShipped
from tests.integration.topics import PROCSTAT, register
from tests.integration.waiting import until

START_MS = 1_767_225_600_000


def snapshot(second: float, busy: int, idle: int, *, boot: int = 1, guest: int = 0) -> dict[str, Any]:
    """Counters since the boot; guest is a part of user, as the kernel counts it."""
    cpu = {"cpu": "cpu", "user": busy, "nice": 0, "system": 0, "idle": idle, "guest": guest}
    return {
        "uuid": str(second),
        "node": "n1",
        "timestamp": START_MS + round(second * 1000),
        "boot_time": boot * 1000,
        "clock_ticks_per_second": 100,
        "cpus": [cpu],
    }


def send(topic: str, schema_id: int, *snapshots: dict[str, Any]) -> None:
    records.produce(topic, [records.framed(schema_id, PROCSTAT, value) for value in snapshots])


@pytest.fixture(scope="module")
def written(run_shipped: RunShipped) -> dict[str, list[dict[str, Any]]]:
    parameters = {"CPU_ALERT_THRESHOLD": 0.9, "CPU_ALERT_SAMPLES": 3}
    pipeline = run_shipped("node-cpu", partitions=1, parameters=parameters)
    schema_id = register(pipeline.source, PROCSTAT)
    send(
        pipeline.source,
        schema_id,
        snapshot(0, 0, 100),
        snapshot(1, 50, 150, guest=50),  # busy 50 of 100: guest is not counted again
        snapshot(3, 350, 250),  # comes before the one before it; 200 of 300
        snapshot(2, 150, 150),  # 100 of 100
        snapshot(3, 350, 250),  # comes twice
        snapshot(4, 445, 255),  # 95 of 100
        snapshot(5, 545, 254),  # idle time may go back by itself: 100 of 100
        snapshot(6, 5, 5, boot=2),
        snapshot(7, 15, 95, boot=2),  # 10 of 100
        snapshot(8, 2, 195, boot=2),  # a counter that went back
        snapshot(20, 102, 195, boot=2),
        snapshot(21, 202, 195, boot=2),
        snapshot(22, 302, 195, boot=2),
        snapshot(23, 402, 195, boot=2),
        snapshot(40, 402, 2000, boot=2),
    )
    topics = ("node-cpu", "node-cpu-alerts", "node-cpu-late")
    until(lambda: len(records.committed(pipeline.topics["node-cpu"])) >= 10, "ten intervals", timeout=90)
    send(pipeline.source, schema_id, snapshot(1.5, 60, 160))  # nothing waits for it any more
    until(lambda: records.committed(pipeline.topics["node-cpu-late"]), "a late snapshot", timeout=90)
    found = {
        topic: [record.value for record in records.committed_json(pipeline.topics[topic])] for topic in topics
    }
    pipeline.running.cancel()
    return found


def test_busy_share_of_each_interval(written: dict[str, list[dict[str, Any]]]) -> None:
    found = {interval["interval_end"][17:19]: interval["busy_share"] for interval in written["node-cpu"]}
    before = {"01": 0.5, "02": 1.0, "03": 0.6667, "04": 0.95, "05": 1.0, "07": 0.1}
    assert found == {**before, "20": 1.0, "21": 1.0, "22": 1.0, "23": 1.0}
    assert len(written["node-cpu"]) == len(found)


def test_an_alert_needs_three_samples_in_a_row(written: dict[str, list[dict[str, Any]]]) -> None:
    [alert] = written["node-cpu-alerts"]
    assert (alert["node"], alert["samples"], alert["average_busy_share"]) == ("n1", 3, 1.0)
    assert (alert["alert_start"][17:19], alert["alert_end"][17:19]) == ("08", "22")


def test_a_late_snapshot_is_kept(written: dict[str, list[dict[str, Any]]]) -> None:
    [late] = written["node-cpu-late"]
    assert late["uuid"] == "1.5"
