"""Settings for Kafka, the schema registry, PostgreSQL and S3, from the environment.

Each renders the properties of every client. `load(KafkaSettings)` raises `SettingsError`, which names the
environment variable, what was found (never a secret) and what was expected. An empty variable counts as not
set.
"""

from procstream_common.settings.environment import EnvironmentSettings, load
from procstream_common.settings.kafka import KafkaSettings
from procstream_common.settings.postgres import PostgresSettings
from procstream_common.settings.registry import RegistrySettings
from procstream_common.settings.s3 import S3Settings

__all__ = [
    "EnvironmentSettings",
    "KafkaSettings",
    "PostgresSettings",
    "RegistrySettings",
    "S3Settings",
    "load",
]
