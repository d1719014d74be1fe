"""A Kafka that wants credentials or TLS: one broker with a listener for each way in."""

import ipaddress
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from procstream_common.settings import KafkaSettings, load
from procstream_local.stack import artifacts, processes
from procstream_local.stack.services import kafka

USER = "alice"
# Each character that JAAS, PEM or a shell treats in a way of its own.
PASSWORD = 'open "sesame"\\; $1'

_CLASS = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class SecuredKafka:
    """Where the broker listens and who signed its certificate."""

    open_port: int
    """PLAINTEXT, for what is none of the test's business."""
    sasl_port: int
    """SASL_PLAINTEXT with PLAIN and SCRAM-SHA-512."""
    tls_port: int
    """SSL with a certificate for 127.0.0.1."""
    authority: Path
    """PEM file of the authority that signed it."""
    other_authority: Path
    """PEM file of one that did not."""

    @property
    def open_settings(self) -> dict[str, str]:
        """What procstream reads to reach the listener that asks for nothing."""
        return {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{self.open_port}"}

    def sasl_settings(self, mechanism: str, password: str = PASSWORD) -> dict[str, str]:
        """What procstream reads to come in with a password."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{self.sasl_port}",
            "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "KAFKA_SASL_MECHANISM": mechanism,
            "KAFKA_SASL_USERNAME": USER,
            "KAFKA_SASL_PASSWORD": password,
        }

    def tls_settings(self, authority: Path | None = None) -> dict[str, str]:
        """What procstream reads to come in by TLS."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{self.tls_port}",
            "KAFKA_SECURITY_PROTOCOL": "SSL",
            "KAFKA_SSL_CA_LOCATION": str(authority or self.authority),
        }


@contextmanager
def running(folder: Path, free_port: Callable[[], int]) -> Iterator[SecuredKafka]:
    """The broker, ready, with its data in `folder`."""
    ports = {name: free_port() for name in ("open", "sasl", "tls", "controller")}
    server = SecuredKafka(
        open_port=ports["open"],
        sasl_port=ports["sasl"],
        tls_port=ports["tls"],
        authority=folder / "authority.pem",
        other_authority=folder / "other-authority.pem",
    )
    _write_certificates(server, folder / "broker.pem")
    properties = folder / "server.properties"
    properties.write_text(_properties(folder, ports))
    parts = artifacts.find()
    java = (str(parts.java), "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", f"{parts.kafka}/*")
    _format(java, properties)
    log = folder / "kafka.log"
    process = processes.start([*java, "kafka.Kafka", str(properties)], env={}, log=log)
    try:
        processes.wait_until_ready(
            "secured Kafka", process, lambda: kafka.is_ready(ports["open"]), log, timeout=60
        )
        _add_scram_user(server)
        yield server
    finally:
        processes.stop([process])


def _format(java: tuple[str, ...], properties: Path) -> None:
    tool = [
        "kafka.tools.StorageTool",
        "format",
        "--standalone",
        "-t",
        kafka.cluster_id(),
        "-c",
        str(properties),
    ]
    result = subprocess.run([*java, *tool], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def _add_scram_user(server: SecuredKafka) -> None:
    admin = AdminClient(load(KafkaSettings, server.open_settings).librdkafka())
    credentials = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, iterations=4096)
    new = UserScramCredentialUpsertion(USER, credentials, PASSWORD.encode())
    admin.alter_user_scram_credentials([new])[USER].result(timeout=30)


def _properties(folder: Path, ports: Mapping[str, int]) -> str:
    names = {"OPEN": "open", "LOGIN": "sasl", "TLS": "tls", "CONTROLLER": "controller"}
    listeners = ",".join(f"{name}://127.0.0.1:{ports[port]}" for name, port in names.items())
    # A properties file has its own escapes on top of JAAS'.
    plain = f'{_CLASS}.plain.PlainLoginModule required user_{USER}="{_escaped(PASSWORD)}";'
    return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{ports["controller"]}
controller.listener.names=CONTROLLER
listeners={listeners}
advertised.listeners={listeners}
inter.broker.listener.name=OPEN
listener.security.protocol.map=OPEN:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_PLAINTEXT,TLS:SSL
listener.name.login.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.login.plain.sasl.jaas.config={plain.replace(chr(92), 2 * chr(92))}
listener.name.login.scram-sha-512.sasl.jaas.config={_CLASS}.scram.ScramLoginModule required;
listener.name.tls.ssl.keystore.type=PEM
listener.name.tls.ssl.keystore.location={folder / "broker.pem"}
log.dirs={folder / "data"}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _write_certificates(server: SecuredKafka, broker: Path) -> None:
    key, authority = _authority("procstream tests")
    server.authority.write_bytes(_pem(authority))
    server.other_authority.write_bytes(_pem(_authority("another one")[1]))
    broker_key = ec.generate_private_key(ec.SECP256R1())
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))])
    certificate = (
        _certificate("broker", authority.subject, broker_key.public_key())
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    # Kafka takes a PEM key store as one file: PKCS#8 key, then the chain (KIP-651).
    plain_key = broker_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    broker.write_bytes(plain_key + _pem(certificate))


def _authority(name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _certificate(name, _name(name), key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def _certificate(name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=_name(name),
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(hours=1),
        not_valid_after=now + timedelta(days=1),
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
