"""Kafka: one process that is both broker and KRaft controller."""

import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from procstream_common.errors import ProcstreamError
from procstream_common.kafka import KafkaCluster
from procstream_common.settings import KafkaSettings, load

from procstream_local.stack import processes
from procstream_local.stack.artifacts import Artifacts
from procstream_local.stack.services import Service

_LOG4J = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1} - %m%n
logger.data.name = org.apache.kafka.storage
logger.data.level = WARN
logger.coordinator.name = org.apache.kafka.coordinator
logger.coordinator.level = WARN
"""
_QUIET_AND_QUICK = {"log_level": 0, "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 200}


def service(folder: Path, ports: dict[str, int], artifacts: Artifacts) -> Service:
    """Kafka with its data in `folder`, listening on 127.0.0.1."""
    properties = folder / "server.properties"
    java = (
        str(artifacts.java),
        "-Xms256m",
        "-Xmx768m",
        "-XX:+UseG1GC",
        f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}",
        "-cp",
        f"{artifacts.kafka}/*",
    )

    def prepare() -> None:
        data = folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        (folder / "log4j2.properties").write_text(_LOG4J)
        properties.write_text(_properties(data, ports["kafka"], ports["kafka-controller"]))
        if not (data / "meta.properties").exists():
            _format(java, properties)

    return Service(
        name="kafka",
        start=lambda log: processes.start([*java, "kafka.Kafka", str(properties)], env={}, log=log),
        ready=lambda: is_ready(ports["kafka"]),
        prepare=prepare,
    )


def is_ready(port: int) -> bool:
    """Whether the broker answers, and is registered as a member of its cluster."""
    settings = load(KafkaSettings, {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"})
    return KafkaCluster(settings, timeout=2, properties=_QUIET_AND_QUICK).is_reachable()


def cluster_id() -> str:
    """A random UUID in URL-safe base64. Like Kafka's own, it never looks like an option of a command."""
    while (text := urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def _format(java: tuple[str, ...], properties: Path) -> None:
    tool = ("kafka.tools.StorageTool", "format", "--standalone", "-t", cluster_id(), "-c", str(properties))
    result = subprocess.run([*java, *tool], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise ProcstreamError(
            f"Kafka's storage could not be formatted: {(result.stderr or result.stdout).strip()}"
        )


def _properties(data: Path, broker: int, controller: int) -> str:
    return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
log.dirs={data}
# Topics are provisioned, never created by a typing mistake of a client.
auto.create.topics.enable=false
# One node holds the only replica of everything.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=10
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""
