"""Apicurio Registry, with its Confluent-compatible API, and the guard before it.

It keeps its data in a file (H2), so that it starts at the same time as Kafka. Its storage in Kafka, which the
chart uses, would take another ten seconds after Kafka's start. Clients connect to the guard, which refuses
requests of web pages (`registry_guard`).
"""

import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from procstream_common.errors import ServerError
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import RegistrySettings, load

from procstream_local.stack import processes
from procstream_local.stack.artifacts import Artifacts
from procstream_local.stack.services import Service

_HOST = "127.0.0.1"
_GUARD = "procstream_local.registry_guard"  # not imported: its libraries take 0.3 s
_CCOMPAT = "/apis/ccompat/v7"
_LIFETIME = timedelta(days=36_500)


def url(port: int) -> str:
    """The Confluent-compatible API."""
    return f"http://{_HOST}:{port}{_CCOMPAT}"


def services(folder: Path, ports: dict[str, int], artifacts: Artifacts) -> tuple[Service, Service]:
    """The guard at the registry's port, and Apicurio with its data in `folder`."""
    port, behind = ports["registry"], ports["apicurio"]
    argv = [
        str(artifacts.java_for_registry),
        "-Xmx384m",
        "-XX:+UseSerialGC",
        # Its load is small here: a quick start matters more than peak speed.
        "-XX:TieredStopAtLevel=1",
        "-jar",
        str(artifacts.apicurio / "quarkus-run.jar"),
    ]
    env = {
        "QUARKUS_HTTP_HOST": _HOST,
        "QUARKUS_HTTP_INSECURE_REQUESTS": "disabled",
        "QUARKUS_HTTP_SSL_PORT": str(behind),
        "QUARKUS_HTTP_SSL_CERTIFICATE_FILES": str(_certificate(folder)),
        "QUARKUS_HTTP_SSL_CERTIFICATE_KEY_FILES": str(_key(folder)),
        # Its port for health and metrics.
        "QUARKUS_MANAGEMENT_HOST_ENABLED": "false",
        "APICURIO_STORAGE_KIND": "sql",
        "APICURIO_STORAGE_SQL_KIND": "h2",
        # By default H2 writes after half a second. If a crash lost a schema, good records would be dead
        # letters, and another schema would get its id.
        "APICURIO_DATASOURCE_URL": f"jdbc:h2:file:{folder / 'registry'};WRITE_DELAY=0",
    }
    guard = [sys.executable, "-m", _GUARD]
    apicurio = Service(
        name="apicurio",
        start=lambda log: processes.start(argv, env=env, log=log),
        prepare=lambda: _create_certificate(folder),
        ready=lambda: _lists_subjects(
            {
                "SCHEMA_REGISTRY_URL": f"https://{_HOST}:{behind}{_CCOMPAT}",
                "SCHEMA_REGISTRY_SSL_CA_LOCATION": str(_certificate(folder)),
            }
        ),
    )
    registry = Service(
        name="registry",
        start=lambda log: processes.start(
            [*guard, str(port), f"https://{_HOST}:{behind}", str(_certificate(folder))], env={}, log=log
        ),
        ready=lambda: is_ready(port),
    )
    return registry, apicurio


def is_ready(port: int) -> bool:
    """Whether the API lists subjects, which it does only when its storage is ready."""
    return _lists_subjects({"SCHEMA_REGISTRY_URL": url(port)})


def _lists_subjects(variables: dict[str, str]) -> bool:
    with SchemaRegistry(load(RegistrySettings, variables), timeout=2) as registry:
        try:
            registry.subjects()
        except ServerError:
            return False
    return True


def _certificate(folder: Path) -> Path:
    return folder / "tls" / "certificate.pem"


def _key(folder: Path) -> Path:
    return folder / "tls" / "key.pem"


def _create_certificate(folder: Path) -> None:
    """A certificate that only this stack trusts."""
    if _certificate(folder).exists():
        return
    _key(folder).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "procstream registry")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(_HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    _key(folder).touch(mode=0o600)
    _key(folder).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    # Last: its presence means that both exist.
    _certificate(folder).write_bytes(certificate.public_bytes(Encoding.PEM))
