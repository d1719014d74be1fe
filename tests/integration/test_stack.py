"""The life cycle of the embedded stack: up, up again, partly killed, recovered, down."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator

import httpx
import psutil
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import SchemaRegistryClient
from procstream_common.provisioning import read_values
from procstream_common.settings import KafkaSettings, RegistrySettings, load
from procstream_local import stack
from procstream_local.stack import processes
from procstream_local.stack.home import Home

from tests.integration import commands, records
from tests.integration.topics import LINEAGE_INPUT, register

SERVICES = {"kafka", "registry", "apicurio", "jobmanager", "taskmanager"}


@pytest.fixture(scope="module")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A folder in which nothing was started yet."""
    home = Home(tmp_path_factory.mktemp("own-stack"))
    yield home
    stack.down(home)


@pytest.fixture(scope="module")
def up(own_home: Home) -> "subprocess.CompletedProcess[str]":
    return procstream(own_home, "up", "--with", "monitoring")


@pytest.fixture
def at_own_stack(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in stack.environment(own_home, own_home.read()).items():
        monkeypatch.setenv(name, value)


def procstream(home: Home, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A command that needs no proxy for a stack on this machine, whatever the environment names."""
    env = {**commands.UNREACHABLE_PROXY, "PROCSTREAM_HOME": str(home.path)}
    return commands.run("procstream", *arguments, env=env)


def pids(home: Home) -> dict[str, int]:
    return {name: process.pid for name, process in home.read().processes.items()}


def living(home: Home) -> list[str]:
    """Every process that belongs to a stack, with any parent."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        if str(home.path) in " ".join(process.info["cmdline"] or []):
            found.append(" ".join(process.info["cmdline"]))
        elif (process.info["environ"] or {}).get("PROCSTREAM_HOME") == str(home.path):
            found.append(" ".join(process.info["cmdline"] or []))
    return found


def test_before_the_first_up_status_fails_and_down_is_harmless(own_home: Home) -> None:
    assert procstream(own_home, "status").returncode == 1
    assert procstream(own_home, "down").returncode == 0


@pytest.mark.usefixtures("up", "at_own_stack")
def test_up_starts_every_service_with_the_charts_topics(
    own_home: Home, up: "subprocess.CompletedProcess[str]"
) -> None:
    assert up.returncode == 0, up.stderr
    status = procstream(own_home, "status", "--json")
    services = {service["name"]: service for service in json.loads(status.stdout)["services"]}
    assert services.keys() == SERVICES
    assert all(service["ready"] for service in services.values())
    assert status.returncode == 0
    partitions = {
        name: len(topic.partitions)
        for name, topic in AdminClient(load(KafkaSettings).librdkafka())
        .list_topics(timeout=10)
        .topics.items()
    }
    wanted = {topic.topic_name: topic.partitions for topic in read_values(stack.VALUES).topics}
    assert partitions.items() >= wanted.items()


@pytest.mark.usefixtures("up")
def test_no_port_is_open_to_other_machines(own_home: Home) -> None:
    found: dict[str, set[int]] = {}
    for record in own_home.read().processes.values():
        process = processes.find(record)
        assert process is not None
        for member in (process, *process.children(recursive=True)):
            for listener in member.net_connections():
                if listener.status == psutil.CONN_LISTEN:
                    found.setdefault(listener.laddr.ip.removeprefix("::ffff:"), set()).add(
                        listener.laddr.port
                    )
    ports = own_home.read().ports
    names = ("kafka", "registry", "flink-rest", "jobmanager-metrics", "taskmanager-metrics")
    assert found.pop("127.0.0.1") >= {ports[name] for name in names}
    assert found == {}


@pytest.mark.usefixtures("up")
def test_flink_serves_metrics_to_this_machine_but_not_to_web_pages(
    own_home: Home, up: "subprocess.CompletedProcess[str]"
) -> None:
    ports = own_home.read().ports
    for name in ("jobmanager", "taskmanager"):
        url = f"http://127.0.0.1:{ports[f'{name}-metrics']}/metrics"
        assert url in up.stdout
        own = httpx.get(url, timeout=10)
        assert own.status_code == 200
        assert re.search(rf"^flink_{name}_Status_JVM_CPU_Load\{{", own.text, re.M)
        for page in ({"Host": "page.example"}, {"Origin": "http://page.example"}):
            assert httpx.get(url, headers=page, timeout=10).status_code == 403


@pytest.mark.usefixtures("up")
def test_a_second_up_is_harmless(own_home: Home) -> None:
    before = own_home.read()
    again = procstream(own_home, "up")
    assert again.returncode == 0, again.stderr
    assert own_home.read() == before


@pytest.mark.usefixtures("up", "at_own_stack")
def test_up_after_a_crash_starts_the_missing_services_with_their_data(own_home: Home) -> None:
    before, ports = pids(own_home), own_home.read().ports
    schema_id = register("lineage-input", LINEAGE_INPUT)
    value = records.framed(schema_id, LINEAGE_INPUT, {"uuid": "before-the-crash", "timestamp": 0})
    records.produce("lineage-input", [value])
    last_moment = LINEAGE_INPUT.replace("LineageInput", "RegisteredAtTheLastMoment")
    last_id = register("last-moment", last_moment)
    for name in ("registry", "apicurio", "kafka"):
        process = processes.find(own_home.read().processes[name])
        assert process is not None
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert procstream(own_home, "status").returncode == 1

    recovered = procstream(own_home, "up")
    assert recovered.returncode == 0, recovered.stderr
    assert procstream(own_home, "status").returncode == 0
    after = pids(own_home)
    assert {name for name in SERVICES if after[name] != before[name]} == {"kafka", "registry", "apicurio"}
    assert own_home.read().ports == ports
    assert [record.value["uuid"] for record in records.consume("lineage-input")] == ["before-the-crash"]
    client = SchemaRegistryClient({"url": load(RegistrySettings).url})
    assert client.get_latest_version("last-moment-value").schema_id == last_id


@pytest.mark.usefixtures("up")
def test_down_leaves_no_process(own_home: Home) -> None:
    assert len(living(own_home)) >= len(SERVICES)
    down = procstream(own_home, "down")
    assert down.returncode == 0, down.stderr
    assert set(down.stdout.strip().removeprefix("stopped: ").split(", ")) == SERVICES
    assert living(own_home) == []
    assert procstream(own_home, "status").returncode == 1
    assert procstream(own_home, "down").returncode == 0
