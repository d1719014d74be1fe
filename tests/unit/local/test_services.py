"""How services are started. All listen on 127.0.0.1 only, because only PostgreSQL has a password."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from procstream_local.stack import ports
from procstream_local.stack.artifacts import Artifacts
from procstream_local.stack.processes import find
from procstream_local.stack.services import Service, flink, kafka, registry, sql_gateway

from tests.integration.waiting import until

PORTS = ports.USUAL


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    """Programs that print their arguments and environment, in place of the real ones."""
    folders = {}
    for name in ("kafka", "apicurio", "connectors", "plugins", "opt", "flink/conf", "flink/lib", "flink/opt"):
        folder = tmp_path / "artifacts" / name
        folder.mkdir(parents=True)
        folders[name] = folder
    jar = tmp_path / "artifacts" / "job.jar"
    jar.touch()
    (folders["opt"] / "flink-sql-gateway-1.jar").touch()
    distribution = tmp_path / "artifacts" / "flink"
    for program in ("jdk/bin/java", "flink/bin/sql-gateway.sh", "flink/bin/taskmanager.sh"):
        path = tmp_path / "artifacts" / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('#!/bin/sh\nfor argument in "$@"; do echo "$argument"; done; env; echo end\n')
        path.chmod(0o755)
    java = tmp_path / "artifacts" / "jdk" / "bin" / "java"
    return Artifacts(
        kafka=folders["kafka"],
        apicurio=folders["apicurio"],
        connectors=folders["connectors"],
        plugins=folders["plugins"],
        opt=folders["opt"],
        job_jar=jar,
        flink=distribution,
        java=java,
        java_for_registry=java,
    )


def printed(service: Service, log: Path) -> dict[str, str]:
    """The options and variables that a service is started with."""
    service.prepare()
    record = service.start(log)
    until(lambda: find(record) is None, "its end")
    lines = log.read_text().splitlines()
    assert lines[-1] == "end"
    pairs = (line.removeprefix("-D").partition("=") for line in lines)
    return {name: value for name, _, value in pairs}


def test_kafka_listens_on_this_machine_only(tmp_path: Path, artifacts: Artifacts) -> None:
    folder = tmp_path / "kafka"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "meta.properties").touch()  # formatted
    kafka.service(folder, PORTS, artifacts).prepare()
    lines = (folder / "server.properties").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    both = "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert (found["listeners"], found["advertised.listeners"]) == (both, both)
    assert found["auto.create.topics.enable"] == "false"


def test_the_registry_listens_on_this_machine_only(tmp_path: Path, artifacts: Artifacts) -> None:
    found = printed(registry.service(tmp_path / "registry", PORTS, artifacts), tmp_path / "log")
    assert (found["QUARKUS_HTTP_HOST"], found["QUARKUS_HTTP_PORT"]) == ("127.0.0.1", "8080")
    assert (found["QUARKUS_MANAGEMENT_HOST"], found["QUARKUS_MANAGEMENT_PORT"]) == ("127.0.0.1", "9000")
    assert found["APICURIO_DATASOURCE_URL"].endswith(";WRITE_DELAY=0"), "a crash would lose a schema"


def test_flink_listens_on_this_machine_only(tmp_path: Path, artifacts: Artifacts) -> None:
    jobmanager, _ = flink.services(tmp_path / "flink", PORTS, artifacts)
    jobmanager.prepare()
    found = yaml.safe_load((tmp_path / "flink" / "conf" / "config.yaml").read_text())
    hosts = {key: value for key, value in found.items() if re.search(r"host$|address$", key)}
    assert set(hosts.values()) == {"127.0.0.1"}
    # Without these it would listen on all addresses.
    assert hosts.keys() >= {"jobmanager.bind-host", "taskmanager.bind-host", "rest.bind-address"}
    assert (found["rest.port"], found["jobmanager.rpc.port"]) == (8081, 6123)


def test_the_sql_gateway_listens_on_this_machine_only(tmp_path: Path, artifacts: Artifacts) -> None:
    service = sql_gateway.service(tmp_path / "sql", tmp_path / "flink", PORTS["sql-gateway"], artifacts)
    found = printed(service, tmp_path / "log")
    endpoint = "sql-gateway.endpoint.rest"
    assert found[f"{endpoint}.address"] == found[f"{endpoint}.bind-address"] == "127.0.0.1"
    assert found[f"{endpoint}.port"] == "8083"


def test_flinks_folder_has_the_jars_of_this_version_only(tmp_path: Path, artifacts: Artifacts) -> None:
    (artifacts.connectors / "kafka-1.jar").touch()
    (artifacts.plugins / "s3").mkdir()
    jobmanager, _ = flink.services(tmp_path / "flink", PORTS, artifacts)
    jobmanager.prepare()
    (artifacts.connectors / "kafka-1.jar").rename(artifacts.connectors / "kafka-2.jar")
    jobmanager.prepare()
    library = tmp_path / "flink" / "lib"
    assert {path.name for path in library.iterdir()} == {"kafka-2.jar", "job.jar"}
    assert not (library / "job.jar").is_symlink(), "a new build would replace a jar that a JVM reads"
    assert [path.name for path in (tmp_path / "flink" / "plugins").iterdir()] == ["s3"]


def test_each_start_of_the_taskmanager_has_an_id_of_its_own(tmp_path: Path, artifacts: Artifacts) -> None:
    jobmanager, taskmanager = flink.services(tmp_path / "flink", PORTS, artifacts)
    jobmanager.prepare()
    taskmanager = replace(taskmanager, prepare=lambda: None)
    ids = []
    for number in range(2):
        found = printed(taskmanager, tmp_path / f"log-{number}")
        ids.append(found["taskmanager.resource-id"])
        assert (tmp_path / "flink" / "taskmanager.id").read_text() == ids[-1]
    assert ids[0] != ids[1]
