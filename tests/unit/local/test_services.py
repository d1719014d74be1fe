"""How the services of the stack are configured and started, with programs that are not real."""

import socket
import ssl
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from procstream_common.errors import ProcstreamError
from procstream_local.stack import processes
from procstream_local.stack.artifacts import Artifacts
from procstream_local.stack.ports import USUAL
from procstream_local.stack.records import ProcessRecord
from procstream_local.stack.services import Service, flink, kafka, registry, sql_gateway

from tests.unit.http_server import Answer, serving

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Started:
    """A process that was started: its command line and the variables that it has in addition."""

    argv: Sequence[str]
    env: Mapping[str, str]


@dataclass
class Programs:
    """The programs of the stack, as far as services look at them, and what was started of them."""

    folder: Path
    started: list[Started] = field(default_factory=list)

    @property
    def artifacts(self) -> Artifacts:
        return Artifacts(
            kafka=self.folder / "kafka",
            apicurio=self.folder / "apicurio",
            connectors=self.folder / "connectors",
            plugins=self.folder / "plugins",
            opt=self.folder / "opt",
            job_jar=self.folder / "procstream-flink-1.jar",
            flink=self.folder / "flink",
            java=self.folder / "jdk" / "bin" / "java",
            java_for_registry=self.folder / "jdk" / "bin" / "java",
        )

    def java(self, script: str) -> None:
        """Have `java` run a shell script, which notes its arguments."""
        java = self.artifacts.java
        java.parent.mkdir(parents=True, exist_ok=True)
        java.write_text(f'#!/bin/sh\necho "$@" >> {self.folder}/java.log\n{script}\n')
        java.chmod(0o755)

    @property
    def java_calls(self) -> list[str]:
        log = self.folder / "java.log"
        return log.read_text().splitlines() if log.exists() else []

    def start(self, service: Service) -> Started:
        service.prepare()
        service.start(self.folder / "log")
        return self.started[-1]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    found = Programs(tmp_path / "programs")
    parts = found.artifacts
    for folder in (
        parts.flink / "conf",
        parts.flink / "lib",
        parts.flink / "opt",
        parts.connectors,
        parts.opt,
    ):
        folder.mkdir(parents=True)
    (parts.plugins / "s3").mkdir(parents=True)
    (parts.flink / "lib" / "flink-dist.jar").touch()
    (parts.connectors / "flink-connector-kafka.jar").touch()
    (parts.opt / "flink-sql-gateway-2.jar").touch()
    parts.job_jar.touch()
    found.java("exit 0")

    def start(argv: Sequence[str], *, env: Mapping[str, str], log: Path) -> ProcessRecord:
        found.started.append(Started(argv, env))
        return ProcessRecord(pid=1, create_time=0)

    monkeypatch.setattr(processes, "start", start)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a service's data."""
    return tmp_path / "service"


def properties_of(folder: Path) -> dict[str, str]:
    lines = (folder / "server.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def hosts(listeners: str) -> set[str]:
    """The hosts of `NAME://HOST:PORT,…`."""
    return {listener.partition("://")[2].rpartition(":")[0] for listener in listeners.split(",")}


class TestKafka:
    def test_it_listens_on_the_loopback_address_only(self, folder: Path, programs: Programs) -> None:
        programs.start(kafka.service(folder, USUAL, programs.artifacts))
        properties = properties_of(folder)
        assert hosts(properties["listeners"]) == {LOOPBACK}
        assert hosts(properties["advertised.listeners"]) == {LOOPBACK}

    def test_it_uses_the_ports_of_the_stack(self, folder: Path, programs: Programs) -> None:
        programs.start(kafka.service(folder, {"kafka": 19092, "kafka-controller": 19093}, programs.artifacts))
        properties = properties_of(folder)
        assert properties["listeners"] == "PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093"
        assert properties["controller.quorum.bootstrap.servers"] == "127.0.0.1:19093"

    def test_clients_do_not_create_topics_by_a_typing_mistake(self, folder: Path, programs: Programs) -> None:
        programs.start(kafka.service(folder, USUAL, programs.artifacts))
        assert properties_of(folder)["auto.create.topics.enable"] == "false"

    def test_one_node_is_enough_for_transactions(self, folder: Path, programs: Programs) -> None:
        programs.start(kafka.service(folder, USUAL, programs.artifacts))
        properties = properties_of(folder)
        factors = {
            name: value for name, value in properties.items() if name.endswith((".factor", ".min.isr"))
        }
        assert len(factors) == 5
        assert set(factors.values()) == {"1"}

    def test_the_storage_is_formatted_once(self, folder: Path, programs: Programs) -> None:
        service = kafka.service(folder, USUAL, programs.artifacts)
        service.prepare()
        assert len(programs.java_calls) == 1
        assert "StorageTool format" in programs.java_calls[0]
        (folder / "data" / "meta.properties").touch()
        service.prepare()
        assert len(programs.java_calls) == 1, "formatting again would lose the data"

    def test_storage_that_cannot_be_formatted_is_reported_with_the_reason(
        self, folder: Path, programs: Programs
    ) -> None:
        programs.java("echo 'No space left on device' >&2; exit 1")
        with pytest.raises(ProcstreamError, match="could not be formatted: No space left on device"):
            kafka.service(folder, USUAL, programs.artifacts).prepare()

    def test_it_starts_with_its_own_properties(self, folder: Path, programs: Programs) -> None:
        started = programs.start(kafka.service(folder, USUAL, programs.artifacts))
        assert list(started.argv[-2:]) == ["kafka.Kafka", str(folder / "server.properties")]


class TestRegistry:
    def test_it_listens_on_the_loopback_address_only(self, folder: Path, programs: Programs) -> None:
        env = programs.start(registry.services(folder, USUAL, programs.artifacts)[1]).env
        assert {value for name, value in env.items() if name.endswith("_HOST")} == {LOOPBACK}
        assert env["QUARKUS_MANAGEMENT_HOST_ENABLED"] == "false"

    def test_clients_reach_apicurio_only_through_the_guard(self, folder: Path, programs: Programs) -> None:
        ports = {"registry": 18081, "apicurio": 18082}
        guard, apicurio = registry.services(folder, ports, programs.artifacts)
        env = programs.start(apicurio).env
        # A browser does not trust its certificate.
        assert (env["QUARKUS_HTTP_SSL_PORT"], env["QUARKUS_HTTP_INSECURE_REQUESTS"]) == ("18082", "disabled")
        assert programs.start(guard).argv[-3:] == [
            "18081",
            f"https://{LOOPBACK}:18082",
            env["QUARKUS_HTTP_SSL_CERTIFICATE_FILES"],
        ]

    def test_its_certificate_stays_and_its_key_is_private(self, folder: Path, programs: Programs) -> None:
        _, apicurio = registry.services(folder, USUAL, programs.artifacts)
        env = programs.start(apicurio).env
        key = Path(env["QUARKUS_HTTP_SSL_CERTIFICATE_KEY_FILES"])
        first = key.read_bytes()
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(env["QUARKUS_HTTP_SSL_CERTIFICATE_FILES"], key)
        programs.start(apicurio)
        assert key.read_bytes() == first

    def test_a_schema_is_on_disk_before_its_registration_is_answered(
        self, folder: Path, programs: Programs
    ) -> None:
        env = programs.start(registry.services(folder, USUAL, programs.artifacts)[1]).env
        assert env["APICURIO_DATASOURCE_URL"] == f"jdbc:h2:file:{folder / 'registry'};WRITE_DELAY=0"

    @pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
    def test_it_is_ready_when_it_lists_subjects(self, status: int, ready: bool) -> None:
        with serving(Answer(status, [])) as server:
            assert registry.is_ready(port_of(server.url)) is ready


class TestFlink:
    def configuration(self, folder: Path, programs: Programs) -> dict[str, Any]:
        flink.services(folder, USUAL, programs.artifacts)[0].prepare()
        found: dict[str, Any] = yaml.safe_load((folder / "conf" / "config.yaml").read_text())
        return found

    def test_it_listens_on_the_loopback_address_only(self, folder: Path, programs: Programs) -> None:
        configuration = self.configuration(folder, programs)
        addresses = {
            name: value
            for name, value in configuration.items()
            if name.endswith((".address", "bind-address", "bind-host", ".host"))
        }
        assert set(addresses.values()) == {LOOPBACK}
        # Without them Flink listens on all addresses.
        assert {"rest.bind-address", "jobmanager.bind-host", "taskmanager.bind-host"} <= addresses.keys()

    def test_jobs_keep_their_checkpoints_in_the_folder_of_the_stack(
        self, folder: Path, programs: Programs
    ) -> None:
        configuration = self.configuration(folder, programs)
        assert configuration["execution.checkpointing.dir"] == (folder / "checkpoints").as_uri()

    def test_its_folders_have_our_jars_and_none_of_an_earlier_version(
        self, folder: Path, programs: Programs
    ) -> None:
        (folder / "lib").mkdir(parents=True)
        (folder / "lib" / "flink-connector-kafka-1.jar").symlink_to("/earlier/flink-connector-kafka-1.jar")
        self.configuration(folder, programs)
        jars = {"flink-dist.jar", "flink-connector-kafka.jar", "procstream-flink-1.jar"}
        assert {path.name for path in (folder / "lib").iterdir()} == jars
        assert {path.name for path in (folder / "plugins").iterdir()} == {"s3"}

    def test_both_processes_read_the_folders_of_the_stack(self, folder: Path, programs: Programs) -> None:
        for service in flink.services(folder, USUAL, programs.artifacts):
            env = programs.start(service).env
            assert env["FLINK_CONF_DIR"] == str(folder / "conf")
            assert env["FLINK_LIB_DIR"] == str(folder / "lib")

    def test_each_start_of_a_taskmanager_has_an_id_of_its_own(self, folder: Path, programs: Programs) -> None:
        _, taskmanager = flink.services(folder, USUAL, programs.artifacts)
        folder.mkdir()
        ids = [options(programs.start(taskmanager).argv)["taskmanager.resource-id"] for _ in range(2)]
        assert all(one.startswith("taskmanager-") for one in ids)
        assert len(set(ids)) == 2

    def test_it_serves_no_metrics_unless_requested(self, folder: Path, programs: Programs) -> None:
        assert not [name for name in self.configuration(folder, programs) if "reporter" in name]
        for service in flink.services(folder, USUAL, programs.artifacts):
            assert not [word for word in programs.start(service).argv if "reporter" in word]

    def test_with_monitoring_each_process_serves_metrics_at_its_port(
        self, folder: Path, programs: Programs
    ) -> None:
        ports = {**USUAL, "jobmanager-metrics": 19249, "taskmanager-metrics": 19250}
        for service, port in zip(
            flink.services(folder, ports, programs.artifacts, monitoring=True), (19249, 19250), strict=True
        ):
            found = options(programs.start(service).argv)
            factory = found["metrics.reporter.prometheus.factory.class"]
            assert factory == "org.apache.flink.metrics.prometheus.LoopbackPrometheusReporterFactory"
            assert found["metrics.reporter.prometheus.port"] == str(port)

    @pytest.mark.parametrize("listening", [True, False])
    def test_with_monitoring_it_is_ready_when_it_serves_metrics(
        self, folder: Path, programs: Programs, listening: bool
    ) -> None:
        with serving(Answer(200, {})) as server, socket.socket() as metrics:
            metrics.bind((LOOPBACK, 0))
            metrics.listen()
            port = metrics.getsockname()[1]
            if not listening:
                metrics.close()
            ports = {**USUAL, "flink-rest": port_of(server.url), "jobmanager-metrics": port}
            jobmanager, _ = flink.services(folder, ports, programs.artifacts, monitoring=True)
            assert jobmanager.ready() is listening


def options(argv: Sequence[str]) -> dict[str, str]:
    """Those of `-D key=value`, after the script and its command."""
    flags, values = argv[3::2], argv[4::2]
    assert set(flags) <= {"-D"}
    return dict(value.split("=", 1) for value in values)


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def taskmanager(**fields: Any) -> dict[str, Any]:
    return {"id": "tm-2", "timeSinceLastHeartbeat": time.time() * 1000, "slotsNumber": 4, **fields}


class TestTaskManagerIsReady:
    """The JobManager lists TaskManagers, also those that were killed some seconds ago."""

    def is_ready(self, folder: Path, programs: Programs, *listed: Mapping[str, Any]) -> bool:
        folder.mkdir()
        (folder / "taskmanager.id").write_text("tm-2")
        with serving(Answer(200, {"taskmanagers": list(listed)})) as server:
            ports = {**USUAL, "flink-rest": port_of(server.url)}
            return flink.services(folder, ports, programs.artifacts)[1].ready()

    def test_when_it_is_registered(self, folder: Path, programs: Programs) -> None:
        assert self.is_ready(folder, programs, taskmanager(id="tm-1"), taskmanager())

    def test_before_its_first_heartbeat(self, folder: Path, programs: Programs) -> None:
        assert self.is_ready(folder, programs, taskmanager(timeSinceLastHeartbeat=0))

    def test_not_while_only_an_earlier_one_is_listed(self, folder: Path, programs: Programs) -> None:
        assert not self.is_ready(folder, programs, taskmanager(id="tm-1"))

    def test_not_when_it_has_been_silent_for_a_minute(self, folder: Path, programs: Programs) -> None:
        heartbeat = (time.time() - 60) * 1000
        assert not self.is_ready(folder, programs, taskmanager(timeSinceLastHeartbeat=heartbeat))

    def test_not_before_it_offers_its_slots(self, folder: Path, programs: Programs) -> None:
        assert not self.is_ready(folder, programs, taskmanager(slotsNumber=0))

    def test_not_before_it_was_started(self, folder: Path, programs: Programs) -> None:
        assert not flink.services(folder, USUAL, programs.artifacts)[1].ready()


class TestSqlGateway:
    def service(self, folder: Path, programs: Programs, port: int = 8083) -> Service:
        return sql_gateway.service(folder, folder.parent / "flink", port, programs.artifacts)

    def test_it_listens_on_the_loopback_address_only(self, folder: Path, programs: Programs) -> None:
        argv = programs.start(self.service(folder, programs)).argv
        assert f"-Dsql-gateway.endpoint.rest.address={LOOPBACK}" in argv
        assert f"-Dsql-gateway.endpoint.rest.bind-address={LOOPBACK}" in argv

    def test_its_sessions_start_in_the_catalog_of_topics(self, folder: Path, programs: Programs) -> None:
        argv = programs.start(self.service(folder, programs)).argv
        assert "-Dtable.builtin-catalog-name=procstream" in argv
        catalog = yaml.safe_load((folder / "catalogs" / "procstream.yaml").read_text())
        assert catalog == {"type": "procstream-topics", "path": str(folder / "topics.json")}

    def test_the_tables_of_an_earlier_start_stay(self, folder: Path, programs: Programs) -> None:
        service = self.service(folder, programs)
        service.prepare()
        (folder / "topics.json").write_text('{"tables": {"orders": {}}}')
        service.prepare()
        assert "orders" in (folder / "topics.json").read_text()

    def test_a_missing_gateway_is_named_before_a_start(self, folder: Path, programs: Programs) -> None:
        (programs.artifacts.opt / "flink-sql-gateway-2.jar").unlink()
        with pytest.raises(ProcstreamError, match="found no flink-sql-gateway jar; run `make setup` first"):
            self.service(folder, programs).prepare()

    @pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
    def test_it_is_ready_when_it_answers(self, status: int, ready: bool) -> None:
        with serving(Answer(status, {})) as server:
            assert sql_gateway.is_ready(port_of(server.url)) is ready
