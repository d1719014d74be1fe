"""The environment variables that point commands and programs to a stack."""

from collections.abc import Mapping

from procstream_local.stack import artifacts
from procstream_local.stack.composition import includes
from procstream_local.stack.home import Home
from procstream_local.stack.records import StackRecord
from procstream_local.stack.services import flink, postgres, registry


def environment(home: Home, record: StackRecord) -> dict[str, str]:
    """The variables by which every procstream command, and Flink's own, finds this stack.

    Empty if nothing was started in `home` yet.
    """
    if not record.ports:
        return {}
    found = {
        "PROCSTREAM_HOME": str(home.path),
        **servers(record.ports),
        "FLINK_ADDRESS": f"127.0.0.1:{record.ports['flink-rest']}",
        **flink.environment(home.path / "flink", artifacts.find()),
    }
    if includes(record, postgres.NAME):
        found |= postgres.environment(home.path / "postgres", record.ports["postgres"])
    return found


def servers(ports: Mapping[str, int]) -> dict[str, str]:
    """The variables of Kafka and the registry."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{ports['kafka']}",
        "SCHEMA_REGISTRY_URL": registry.url(ports["registry"]),
    }
