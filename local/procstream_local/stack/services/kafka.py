"""Kafka: one process that is broker and KRaft controller."""

import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from procstream_common.errors import ProcstreamError

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


def service(folder: Path, ports: dict[str, int], artifacts: Artifacts) -> Service:
    """Kafka with its data in `folder`, listening at 127.0.0.1."""
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
    """Whether the broker answers a metadata request with itself as a member."""
    client = AdminClient(
        {
            "bootstrap.servers": f"127.0.0.1:{port}",
            "log_level": 0,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 200,
        }
    )
    try:
        return len(client.list_topics(timeout=2).brokers) > 0
    except KafkaException:
        return False


def cluster_id() -> str:
    """A random UUID in URL-safe base64; as Kafka's own, never one that a command takes for an option."""
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
# Topics are provisioned, never made by a client's typing mistake.
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
