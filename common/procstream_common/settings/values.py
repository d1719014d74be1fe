"""Types of setting values. Each describes what is wrong with a value that it refuses."""

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, StringConstraints


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https"):
        raise ValueError("it does not start with http:// or https://")
    if not parts.hostname:
        raise ValueError("it names no host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("it carries credentials")
    _ = parts.port  # raises ValueError when it is not a number from 0 to 65535
    return value.rstrip("/")


def _readable_file(value: str) -> str:
    path = Path(value)
    if not path.is_file():
        raise ValueError("no such file")
    if not os.access(path, os.R_OK):
        raise ValueError("not readable")
    return value


def _bootstrap_servers(value: str) -> str:
    servers = [server.strip() for server in value.split(",") if server.strip()]
    if not servers:
        raise ValueError("it names no broker")
    for server in servers:
        host, _, port = server.rpartition(":")
        if "://" in server or "/" in server:
            raise ValueError(f"{server!r} is a URL")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"{server!r} is not host:port")
    return ",".join(servers)


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Url = Annotated[Text, AfterValidator(_url)]
ReadableFile = Annotated[Text, AfterValidator(_readable_file)]
BootstrapServers = Annotated[Text, AfterValidator(_bootstrap_servers)]
UpperCase = BeforeValidator(_upper)
