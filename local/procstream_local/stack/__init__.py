"""The embedded stack: Kafka, the schema registry and Flink as processes of one machine."""

from procstream_local.stack.composition import ADDITIONS, METRICS_PORT_OF
from procstream_local.stack.environment import environment
from procstream_local.stack.lifecycle import down, start_optional, up
from procstream_local.stack.provisioning import VALUES
from procstream_local.stack.service_status import ServiceStatus, status

__all__ = [
    "ADDITIONS",
    "METRICS_PORT_OF",
    "VALUES",
    "ServiceStatus",
    "down",
    "environment",
    "start_optional",
    "status",
    "up",
]
