"""Starting and stopping a stack, whose services are small programs here."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from procstream_common.errors import ProcstreamError
from procstream_local import stack
from procstream_local.stack import processes
from procstream_local.stack.composition import OPTIONAL, REQUIRED
from procstream_local.stack.home import Home
from procstream_local.stack.records import ProcessRecord, StackRecord
from procstream_local.stack.services import Service

SLEEP = ["sleep", "60"]
UNREADY_SECONDS = 0.5


class Services:
    """Each is a `sleep`, unless the test replaces a part of it."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.prepared: list[str] = []
        self.argv: dict[str, list[str]] = {}
        self.ready: dict[str, Callable[[], bool]] = {}
        self.ports: list[dict[str, int]] = []
        self.failures: dict[str, Exception] = {}
        """Raised by the preparation of the service."""

    def compose(self, home: Home, record: StackRecord, names: Iterable[str]) -> list[Service]:
        self.ports.append(dict(record.ports))
        return [self._service(name) for name in names]

    def _service(self, name: str) -> Service:
        def start(log: Path) -> ProcessRecord:
            self.started.append(name)
            return processes.start(self.argv.get(name, SLEEP), env={}, log=log)

        def prepare() -> None:
            self.prepared.append(name)
            if name in self.failures:
                raise self.failures[name]

        return Service(
            name=name,
            start=start,
            prepare=prepare,
            ready=lambda: self.ready.get(name, lambda: True)(),
            timeout=UNREADY_SECONDS,
        )


class Provisioned:
    """Records how topics and schemas were created."""

    def __init__(self) -> None:
        self.env: list[Mapping[str, str]] = []
        self.failure: Exception | None = None

    def __call__(
        self, env: Mapping[str, str], until_ready: Callable[[str], None], progress: Callable[[str], None]
    ) -> None:
        until_ready("kafka")
        if self.failure:
            raise self.failure
        self.env.append(env)
        progress("topics")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    stack.down(home)


@pytest.fixture
def services() -> Services:
    return Services()


@pytest.fixture
def provisioned() -> Provisioned:
    return Provisioned()


@pytest.fixture
def up(home: Home, services: Services, provisioned: Provisioned) -> Callable[..., StackRecord]:
    """`up(*optional)`: see `stack.up`."""

    def run(*optional: str, progress: Callable[[str], None] = lambda _: None) -> StackRecord:
        return stack.up(home, progress, optional, compose=services.compose, provision=provisioned)

    return run


def alive(home: Home) -> set[str]:
    return {name for name, process in home.read().processes.items() if processes.find(process)}


Up = Callable[..., StackRecord]


class TestUp:
    def test_every_service_is_prepared_started_and_recorded(
        self, home: Home, up: Up, services: Services, provisioned: Provisioned
    ) -> None:
        progress: list[str] = []
        record = up(progress=progress.append)
        assert set(services.prepared) == set(services.started) == set(REQUIRED) == alive(home)
        assert home.read() == record
        assert set(progress) == {"artifacts", *REQUIRED, "topics"}
        [env] = provisioned.env
        assert env["KAFKA_BOOTSTRAP_SERVERS"] == f"127.0.0.1:{record.ports['kafka']}"
        assert env["SCHEMA_REGISTRY_URL"].startswith(f"http://127.0.0.1:{record.ports['registry']}/")

    def test_what_runs_is_not_started_again(self, home: Home, up: Up, services: Services) -> None:
        before = up()
        services.started.clear()
        services.prepared.clear()
        assert up() == before == home.read()
        assert services.started == services.prepared == []

    def test_after_a_crash_only_the_missing_services_start_on_the_same_ports(
        self, up: Up, services: Services
    ) -> None:
        before = up().model_copy(deep=True)
        processes.stop([before.processes["kafka"]])
        services.started.clear()
        after = up()
        assert services.started == ["kafka"]
        assert after.ports == before.ports
        changed = {name for name in REQUIRED if after.processes[name] != before.processes[name]}
        assert changed == {"kafka"}

    def test_a_port_that_another_program_uses_now_restarts_the_services_that_knew_it(
        self, up: Up, services: Services
    ) -> None:
        before = up().model_copy(deep=True)
        processes.stop([before.processes["kafka"]])
        services.started.clear()
        with socket.socket() as other:
            other.bind(("127.0.0.1", before.ports["kafka"]))
            other.listen()
            after = up()
        assert after.ports["kafka"] != before.ports["kafka"]
        assert set(services.started) == set(REQUIRED)
        assert not [process for process in before.processes.values() if processes.find(process)]

    def test_it_returns_when_every_service_is_ready(self, up: Up, services: Services) -> None:
        looks: list[None] = []

        def ready() -> bool:
            looks.append(None)
            return len(looks) > 2

        services.ready["taskmanager"] = ready
        up()
        assert len(looks) == 3

    def test_topics_are_created_when_kafka_is_ready(self, up: Up, services: Services) -> None:
        ready = threading.Event()
        progress: list[str] = []

        def kafka() -> bool:
            ready.set()
            assert "topics" not in progress
            return True

        services.ready["kafka"] = kafka
        up(progress=progress.append)
        assert ready.is_set()
        assert progress.index("kafka") < progress.index("topics")


class TestFailures:
    def test_a_service_that_ends_is_reported_and_the_others_stay(
        self, home: Home, up: Up, services: Services
    ) -> None:
        services.argv["jobmanager"] = ["sh", "-c", "echo no space left; exit 1"]
        services.ready["jobmanager"] = lambda: False
        with pytest.raises(ProcstreamError, match="jobmanager ended before it was ready: no space left"):
            up()
        assert alive(home) == set(REQUIRED) - {"jobmanager"}
        assert set(stack.down(home)) == set(REQUIRED) - {"jobmanager"}

    def test_a_service_that_is_never_ready_is_reported(self, up: Up, services: Services) -> None:
        services.ready["registry"] = lambda: False
        with pytest.raises(ProcstreamError, match=r"registry was not ready after .*registry\.log"):
            up()

    def test_topics_that_cannot_be_created_are_reported(
        self, home: Home, up: Up, provisioned: Provisioned
    ) -> None:
        provisioned.failure = ProcstreamError("topic lineage-input: found 2 partitions")
        with pytest.raises(ProcstreamError, match="topic lineage-input: found 2 partitions"):
            up()
        assert alive(home) == set(REQUIRED)

    def test_a_failed_preparation_is_reported_and_nothing_starts(
        self, home: Home, up: Up, services: Services
    ) -> None:
        services.failures["kafka"] = ProcstreamError("Kafka's storage could not be formatted")
        with pytest.raises(ProcstreamError, match="Kafka's storage could not be formatted"):
            up()
        assert services.started == []
        assert alive(home) == set()

    def test_an_unknown_optional_service_gets_a_guess(self, home: Home, up: Up, services: Services) -> None:
        with pytest.raises(ProcstreamError, match=r"^--with: found 'postgrse'; did you mean 'postgres'\?"):
            up("postgrse")
        assert services.started == []
        assert home.read() == StackRecord()

    def test_another_command_that_changes_the_stack_is_not_disturbed(
        self, home: Home, up: Up, services: Services
    ) -> None:
        with home.locked(), pytest.raises(ProcstreamError, match="another procstream command"):
            up()
        assert services.started == []


class TestMonitoring:
    PORTS = frozenset({"jobmanager-metrics", "taskmanager-metrics"})

    def test_it_is_no_process_but_ports_of_flinks(self, home: Home, up: Up) -> None:
        record = up("monitoring")
        assert record.optional == ["monitoring"]
        assert alive(home) == set(REQUIRED)
        assert record.ports.keys() >= self.PORTS
        assert len(set(record.ports.values())) == len(record.ports)

    def test_without_it_flink_has_no_such_ports(self, up: Up) -> None:
        assert not up("postgres").ports.keys() & self.PORTS

    def test_it_belongs_to_the_stack_with_its_ports(self, home: Home, up: Up, services: Services) -> None:
        before = up("monitoring").model_copy(deep=True)
        services.started.clear()
        with ExitStack() as listening:  # as Flink's processes do
            for name in self.PORTS:
                listening.enter_context(socket.create_server(("127.0.0.1", before.ports[name])))
            assert up() == before
            assert up("monitoring") == before
        assert services.started == []
        stack.down(home)
        assert up().ports == before.ports

    def test_it_is_not_added_to_a_flink_that_runs(self, home: Home, up: Up, services: Services) -> None:
        before = up().model_copy(deep=True)
        services.started.clear()
        with pytest.raises(ProcstreamError, match=r"^--with monitoring: .*run `procstream down` first$"):
            up("monitoring")
        assert services.started == []
        assert home.read() == before
        stack.down(home)
        assert up("monitoring").ports.keys() >= self.PORTS

    def test_it_is_added_while_only_other_services_run(self, up: Up) -> None:
        before = up()
        processes.stop([before.processes[name] for name in ("jobmanager", "taskmanager")])
        kafka = before.processes["kafka"]
        after = up("monitoring")
        assert after.processes["kafka"] == kafka
        assert after.ports.keys() >= self.PORTS


class TestOptional:
    def test_a_service_that_was_added_starts_with_every_later_up(
        self, home: Home, up: Up, services: Services
    ) -> None:
        assert up("postgres").optional == ["postgres"]
        assert alive(home) == {*REQUIRED, "postgres"}
        stack.down(home)
        services.started.clear()
        up()
        assert set(services.started) == {*REQUIRED, "postgres"}

    def test_a_service_on_demand_runs_until_down(self, home: Home, up: Up, services: Services) -> None:
        up()
        first = stack.start_optional(home, "sql-gateway", compose=services.compose)
        assert alive(home) == {*REQUIRED, "sql-gateway"}
        assert first.optional == []
        assert first.ports["sql-gateway"]
        services.started.clear()
        assert stack.start_optional(home, "sql-gateway", compose=services.compose) == first
        stack.down(home)
        up()
        assert alive(home) == set(REQUIRED)

    @pytest.mark.parametrize("name", OPTIONAL)
    def test_it_needs_a_running_stack(self, home: Home, up: Up, services: Services, name: str) -> None:
        processes.stop([up().processes["kafka"]])
        services.started.clear()
        expected = r"home: the stack is not up \(kafka\); run `procstream up` first"
        with pytest.raises(ProcstreamError, match=expected):
            stack.start_optional(home, name, compose=services.compose)
        assert services.started == []

    def test_one_that_does_not_start_is_reported(self, home: Home, up: Up, services: Services) -> None:
        up()
        services.ready["sql-gateway"] = lambda: False
        with pytest.raises(ProcstreamError, match="sql-gateway was not ready"):
            stack.start_optional(home, "sql-gateway", compose=services.compose)


class TestDown:
    def test_every_process_ends_and_pipelines_stay_recorded(self, home: Home, up: Up) -> None:
        record = up()
        assert set(stack.down(home)) == set(REQUIRED)
        assert not [process for process in record.processes.values() if processes.find(process)]
        left = home.read()
        assert left.processes == {}
        assert left.ports == record.ports

    def test_where_nothing_runs_it_stops_nothing(self, home: Home) -> None:
        assert stack.down(home) == []


class TestStatus:
    def test_each_service_is_ready_not_answering_or_down(
        self, home: Home, up: Up, services: Services
    ) -> None:
        record = up()
        processes.stop([record.processes["kafka"]])
        services.ready["registry"] = lambda: False
        found = {one.name: one for one in stack.status(home, compose=services.compose)}
        states = {name: one.state for name, one in found.items()}
        assert states == {
            "kafka": "down",
            "registry": "not answering",
            "apicurio": "ready",
            "jobmanager": "ready",
            "taskmanager": "ready",
        }
        assert found["jobmanager"].pid == record.processes["jobmanager"].pid
        assert found["jobmanager"].address == f"127.0.0.1:{record.ports['flink-rest']}"
        assert found["taskmanager"].address is None
        assert found["jobmanager"].memory_bytes > 0
        assert home.read() == record
