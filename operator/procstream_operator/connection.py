"""Clients of Kafka and the schema registry, made anew when their settings change."""

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

    Files win. A Secret mounted as a volume is such a folder: the kubelet brings its changes in by itself.
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
    """Clients for the settings of the moment. The methods raise `SettingsError`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kafka = _Renewed(_cluster)
        self._registry = _Renewed(_registry_client)

    def topic_admin(self) -> TopicAdmin:
        """For requests about topics."""
        return TopicAdmin(self._kafka.client(self._settings.read()))

    def registry(self) -> SchemaRegistry:
        """For requests about schemas."""
        return self._registry.client(self._settings.read())

    def poll(self) -> None:
        """Serve what librdkafka asks for, such as a new token; without that tokens expire."""
        if self._kafka.current is not None:
            self._kafka.current.poll()


class _Renewed(Generic[ClientT]):
    """A client that is made anew when a variable, or a file that one names, changes."""

    def __init__(self, make: Callable[[Mapping[str, str]], ClientT]) -> None:
        self._make = make
        self._made_for: object = None
        self.current: ClientT | None = None

    def client(self, variables: Mapping[str, str]) -> ClientT:
        made_for = fingerprint(variables)
        if self.current is None or made_for != self._made_for:
            self.current = self._make(variables)
            self._made_for = made_for
        return self.current


def fingerprint(variables: Mapping[str, str]) -> object:
    """What a client depends on: its variables, and when the files that they name were changed."""
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


def _cluster(variables: Mapping[str, str]) -> KafkaCluster:
    return KafkaCluster(
        load(KafkaSettings, variables),
        client_id="procstream-operator",
        properties={
            "log_level": 2,  # librdkafka writes to stderr by itself; an unavailable Kafka is a condition
            # A broker that is reachable again is found within seconds, not after librdkafka's usual 10.
            "reconnect.backoff.max.ms": 2000,
        },
    )


def _registry_client(variables: Mapping[str, str]) -> SchemaRegistry:
    return SchemaRegistry(load(RegistrySettings, variables))
