"""The environment variables that a pipeline was started with, recorded without secrets.

A resumed pipeline must read the same topic of the same cluster, and write to the same place as before,
whatever the current shell has set.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_args

from procstream_common.errors import ProcstreamError
from procstream_common.lake import PATH_VARIABLES
from procstream_common.settings import (
    EnvironmentSettings,
    KafkaSettings,
    PostgresSettings,
    RegistrySettings,
)
from pydantic import SecretStr

_MODELS: dict[str, type[EnvironmentSettings]] = {
    "KAFKA_BOOTSTRAP_SERVERS": KafkaSettings,
    "SCHEMA_REGISTRY_URL": RegistrySettings,
    "POSTGRES_URL": PostgresSettings,
}
"""Settings, by the variable with the server's address."""

_SECRET_NAME = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|PRIVATE|API_?KEY", re.IGNORECASE)


@dataclass(frozen=True)
class Remembered:
    """What is recorded: values that are not secret, and the names of secrets."""

    variables: dict[str, str]
    secrets: list[str]


def remember(env: Mapping[str, str], parameters: Iterable[str], stack: Mapping[str, str]) -> Remembered:
    """The part of `env` that decides what a pipeline with these `parameters` reads and writes.

    Without the embedded stack's own variables (`stack`): they are set again, because its ports may change.
    """
    parameters = set(parameters)
    names = {name for name in _names(parameters) if env.get(name) and env[name] != stack.get(name)}
    secrets = {name for name in names if _is_secret(name)}
    return Remembered({name: env[name] for name in sorted(names - secrets)}, sorted(secrets))


def recall(
    remembered: Remembered, env: Mapping[str, str], parameters: Iterable[str], stack: Mapping[str, str]
) -> dict[str, str]:
    """The environment to restart a pipeline in, from what was recorded and this process's `env`.

    Raises `ProcstreamError` if a secret is not in `env`.
    """
    missing = [name for name in remembered.secrets if not env.get(name)]
    if missing:
        raise ProcstreamError(
            f"it was started with {' and '.join(missing)}, which procstream never stores;"
            " set it in the environment"
        )
    names = _names(set(parameters))
    others = {name: value for name, value in env.items() if name not in names}
    elsewhere = [model for address, model in _MODELS.items() if address in remembered.variables]
    foreign = set().union(*map(_variables, elsewhere))  # the stack's user does not exist on another server
    own = {name: value for name, value in stack.items() if name not in foreign}
    secrets = {name: env[name] for name in remembered.secrets}
    return {**others, **own, **remembered.variables, **secrets}


def _names(parameters: set[str]) -> set[str]:
    return parameters.union(PATH_VARIABLES, *map(_variables, _MODELS.values()))


def _variables(model: type[EnvironmentSettings]) -> set[str]:
    return {model.variable(field) for field in model.model_fields}


def _is_secret(name: str) -> bool:
    declared = {
        model.variable(field): SecretStr in (info.annotation, *get_args(info.annotation))
        for model in _MODELS.values()
        for field, info in model.model_fields.items()
    }
    return declared.get(name, _SECRET_NAME.search(name) is not None)
