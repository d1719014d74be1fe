"""Clients of Kafka and the schema registry, created again when their settings change."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from procstream_common.errors import SettingsError
from procstream_common.kafka import KafkaCluster
from procstream_common.provisioning import TopicAdmin
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import KafkaSettings, RegistrySettings, load

ClientT = TypeVar("ClientT")


class Settings:
    """Environment variables, and files of a folder, each named for a variable and holding its value.

    Files take precedence. A Secret mounted as a volume is such a folder, which the kubelet updates.
    """

    def __init__(self, folder: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environment = os.environ if environment is None else environment

    def read(self) -> dict[str, str]:
        """All variables. Raises `SettingsError` when the folder cannot be read."""
        variables = dict(self._environment)
        if self._folder is not None:
            try:
                # A volume's own entries start with two dots.
                files = [path for path in sorted(self._folder.iterdir()) if not path.name.startswith(".")]
                variables |= {path.name: path.read_text().rstrip("\n") for path in files if path.is_file()}
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(f"settings folder {self._folder}: {error}, expected text files") from None
        return variables


class Connection:
    """Clients for the current settings. The methods raise `SettingsError`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cluster = _Renewed(_kafka_cluster)
        self._registry = _Renewed(_schema_registry)

    def topic_admin(self) -> TopicAdmin:
        """For requests about topics."""
        return TopicAdmin(self._cluster.client(self._settings.read()))

    def registry(self) -> SchemaRegistry:
        """For requests about schemas."""
        return self._registry.client(self._settings.read())

    def poll(self) -> None:
        """Serve requests of librdkafka, such as for a new token. Without it tokens expire."""
        if self._cluster.current is not None:
            self._cluster.current.poll()


class _Renewed(Generic[ClientT]):
    """A client that is created again when a variable, or a file that one names, changes."""

    def __init__(self, create: Callable[[Mapping[str, str]], ClientT]) -> None:
        self._create = create
        self._created_for: object = None
        self.current: ClientT | None = None

    def client(self, variables: Mapping[str, str]) -> ClientT:
        created_for = fingerprint(variables)
        if self.current is None or created_for != self._created_for:
            self.current = self._create(variables)
            self._created_for = created_for
        return self.current


def fingerprint(variables: Mapping[str, str]) -> object:
    """What a client depends on: its variables, and the times of the files that they name."""
    relevant = {
        name: value
        for name, value in variables.items()
        if name.startswith(("KAFKA_", "SCHEMA_REGISTRY_", "AWS_"))
    }
    certificates = {
        name: _modified(Path(value)) for name, value in relevant.items() if name.endswith("_LOCATION")
    }
    return relevant, certificates


def _modified(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _kafka_cluster(variables: Mapping[str, str]) -> KafkaCluster:
    properties = {
        "log_level": 2,  # librdkafka writes to stderr; that Kafka is unavailable is in the conditions
        # A broker that comes back is found within seconds, not after librdkafka's usual 10.
        "reconnect.backoff.max.ms": 2000,
    }
    return KafkaCluster(
        load(KafkaSettings, variables), client_id="procstream-operator", properties=properties
    )


def _schema_registry(variables: Mapping[str, str]) -> SchemaRegistry:
    return SchemaRegistry(load(RegistrySettings, variables))
