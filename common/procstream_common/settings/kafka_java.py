"""Kafka connection settings as properties of the Java client (Kafka 4)."""

import base64
import itertools
from collections.abc import Mapping
from pathlib import Path

from procstream_common.errors import SettingsError

SHADED_PREFIX = "org.apache.flink.kafka.shaded."
"""The package to which flink-sql-connector-kafka relocates `org.apache.kafka` (its jar, 5.0.0-2.2)."""

_SECURITY = "org.apache.kafka.common.security"
_PASSWORD_MODULES = {
    "PLAIN": f"{_SECURITY}.plain.PlainLoginModule",
    "SCRAM-SHA-256": f"{_SECURITY}.scram.ScramLoginModule",
    "SCRAM-SHA-512": f"{_SECURITY}.scram.ScramLoginModule",
}
_OAUTH_MODULE = f"{_SECURITY}.oauthbearer.OAuthBearerLoginModule"
_OAUTH_HANDLER = f"{_SECURITY}.oauthbearer.OAuthBearerLoginCallbackHandler"
# aws-msk-iam-auth: its own class names stay the same where Kafka's classes are relocated.
_MSK_MODULE = "software.amazon.msk.auth.iam.IAMLoginModule"
_MSK_HANDLER = "software.amazon.msk.auth.iam.IAMClientCallbackHandler"
_PBES2 = bytes.fromhex("2a864886f70d01050d")  # object identifier 1.2.840.113549.1.5.13 (RFC 8018)


def properties(librdkafka: Mapping[str, str], *, mechanism: str | None, class_prefix: str) -> dict[str, str]:
    """Translate checked librdkafka properties; `class_prefix` goes before every Kafka class name.

    Raises:
        SettingsError: the private key is in a form that Java cannot read.
    """
    java = {
        "bootstrap.servers": librdkafka["bootstrap.servers"],
        "security.protocol": librdkafka["security.protocol"],
    }
    if mechanism is not None:
        java |= {"sasl.mechanism": mechanism} | _sasl(librdkafka, mechanism, class_prefix)
    return java | _tls(librdkafka)


def jaas(module: str, options: Mapping[str, str]) -> str:
    """One JAAS entry, `module required name="value" …;`, values quoted as Kafka's parser unquotes them."""
    words = [module, "required", *(f"{name}={_quoted(value)}" for name, value in options.items())]
    return " ".join(words) + ";"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def _sasl(librdkafka: Mapping[str, str], mechanism: str, class_prefix: str) -> dict[str, str]:
    if mechanism == "AWS_MSK_IAM":
        return {
            "sasl.jaas.config": jaas(_MSK_MODULE, {}),
            "sasl.client.callback.handler.class": _MSK_HANDLER,
        }
    if mechanism == "OAUTHBEARER":
        options = {
            "clientId": librdkafka["sasl.oauthbearer.client.id"],
            "clientSecret": librdkafka["sasl.oauthbearer.client.secret"],
        }
        if scope := librdkafka.get("sasl.oauthbearer.scope"):
            options["scope"] = scope
        return {
            "sasl.jaas.config": jaas(class_prefix + _OAUTH_MODULE, options),
            "sasl.login.callback.handler.class": class_prefix + _OAUTH_HANDLER,
            "sasl.oauthbearer.token.endpoint.url": librdkafka["sasl.oauthbearer.token.endpoint.url"],
        }
    options = {"username": librdkafka["sasl.username"], "password": librdkafka["sasl.password"]}
    return {"sasl.jaas.config": jaas(class_prefix + _PASSWORD_MODULES[mechanism], options)}


def _tls(librdkafka: Mapping[str, str]) -> dict[str, str]:
    java: dict[str, str] = {}
    if authorities := librdkafka.get("ssl.ca.location"):
        java |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": authorities}
    if (key := librdkafka.get("ssl.key.location")) and (chain := librdkafka.get("ssl.certificate.location")):
        # librdkafka has two files. Java's PEM key store is a single file or inline text.
        java |= {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.certificate.chain": Path(chain).read_text(),
            "ssl.keystore.key": private_key(Path(key), "KAFKA_SSL_KEY_LOCATION"),
        }
        if password := librdkafka.get("ssl.key.password"):
            java["ssl.key.password"] = password
    return java


def private_key(path: Path, variable: str) -> str:
    """The text of a PEM private key that Java can read.

    Raises:
        SettingsError: it is not PKCS#8 (KIP-651), or encrypted in a way that Java 17 cannot decrypt
            (JDK-8076999); the message names `variable` and the command that converts.
    """
    text = path.read_text()
    if "-----BEGIN PRIVATE KEY-----" in text:
        return text
    if "-----BEGIN ENCRYPTED PRIVATE KEY-----" in text:
        if _PBES2 not in _der(text):
            return text
        found, options = "an encryption (PBES2) that Java 17 cannot decrypt", "-v1 PBE-SHA1-3DES"
    else:
        found, options = "no PKCS#8 key", "-nocrypt"
    raise SettingsError(
        f"{variable}: found {str(path)!r}, which holds {found}, expected a key made by "
        f"`openssl pkcs8 -topk8 {options} -in KEY -out KEY.pem`"
    )


def _der(pem: str) -> bytes:
    lines = [line.strip() for line in pem.splitlines()]
    body = itertools.takewhile(
        lambda line: not line.startswith("-----END"),
        lines[lines.index("-----BEGIN ENCRYPTED PRIVATE KEY-----") + 1 :],
    )
    return base64.b64decode("".join(body))
