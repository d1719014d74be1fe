"""The errors that a user can cause or meet. Each is shown as one line, never as a stack trace.

    ProcstreamError                 a mistake in the input, in one line
    ├── SettingsError               a setting is missing or wrong
    └── ServerError                 a server's answer, or its silence
        ├── UnavailableError        no answer, or it cannot answer now: another attempt may succeed
        ├── RefusedError            it answered, and another attempt gets the same answer
        │   └── ConflictError       another client changed it first
        └── NotFoundError           it answered that there is no such thing

A module defines its own class only if the class carries data that a caller uses, such as the topic that Kafka
refused.
"""

from enum import StrEnum


class ProcstreamError(Exception):
    """A mistake in the input, or a failure of something that procstream needs, in one line.

    The message states where, what was found and what was expected. The command line prints it and
    exits with `exit_code`; other callers catch it like any exception.
    """

    exit_code = 1


class SettingsError(ProcstreamError):
    """A setting is missing or wrong; the message names its environment variable."""

    exit_code = 2


class Server(StrEnum):
    """The servers that procstream calls, with their names in messages."""

    KAFKA = "Kafka"
    REGISTRY = "the schema registry"
    FLINK = "Flink"
    KUBERNETES = "the Kubernetes API server"
    S3 = "S3"
    POSTGRES = "PostgreSQL"


class ServerError(ProcstreamError):
    """A server does not answer, or its answer is an error."""

    def __init__(self, server: Server, message: str) -> None:
        super().__init__(server, message)
        self.server = server

    def __str__(self) -> str:
        return str(self.args[1])


class UnavailableError(ServerError):
    """The server does not answer, or cannot at the moment: another attempt may succeed."""


class RefusedError(ServerError):
    """The server answered, and would answer the same again: credentials, permissions, an invalid request."""


class ConflictError(RefusedError):
    """Another client changed it first."""


class NotFoundError(ServerError):
    """The server answered that there is no such thing."""
