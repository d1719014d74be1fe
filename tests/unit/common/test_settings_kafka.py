"""Kafka settings: what the environment may have, and the form for each client."""

import base64
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from procstream_common.errors import SettingsError
from procstream_common.settings import KafkaSettings, load

BROKER = {"KAFKA_BOOTSTRAP_SERVERS": "broker:9092"}
USER = {"KAFKA_SASL_USERNAME": "alice", "KAFKA_SASL_PASSWORD": "s3cret"}
OIDC = {
    "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL": "https://login.example/token",
    "KAFKA_SASL_OAUTHBEARER_CLIENT_ID": "client",
    "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET": "s3cret",
}


def sasl(mechanism: str, protocol: str = "SASL_SSL") -> dict[str, str]:
    return BROKER | {"KAFKA_SECURITY_PROTOCOL": protocol, "KAFKA_SASL_MECHANISM": mechanism}


@pytest.fixture
def pem(tmp_path: Path) -> dict[str, str]:
    """Files that look like what they should be; nobody reads their content but Java's rendering."""
    files = {"ca.pem": "CA", "client.pem": "CHAIN", "client.key": "-----BEGIN PRIVATE KEY-----\nMII\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return {
        "KAFKA_SSL_CA_LOCATION": str(tmp_path / "ca.pem"),
        "KAFKA_SSL_CERTIFICATE_LOCATION": str(tmp_path / "client.pem"),
        "KAFKA_SSL_KEY_LOCATION": str(tmp_path / "client.key"),
    }


def test_plaintext_is_the_default() -> None:
    settings = load(KafkaSettings, BROKER)
    expected = {"bootstrap.servers": "broker:9092", "security.protocol": "PLAINTEXT"}
    assert settings.librdkafka() == expected
    assert settings.java() == expected


def test_several_brokers_and_lower_case_names_are_fine() -> None:
    env = {
        "KAFKA_BOOTSTRAP_SERVERS": " b1:9092, [::1]:9093 ,",
        "KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
        "KAFKA_SASL_MECHANISM": "scram-sha-512",
    }
    settings = load(KafkaSettings, env | USER)
    assert settings.bootstrap_servers == "b1:9092,[::1]:9093"
    assert settings.librdkafka()["sasl.mechanism"] == "SCRAM-SHA-512"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load(KafkaSettings, BROKER | {"KAFKA_SASL_USERNAME": "", "KAFKA_SASL_MECHANISM": " "})


@pytest.mark.parametrize(
    ("mechanism", "module"),
    [
        ("PLAIN", "plain.PlainLoginModule"),
        ("SCRAM-SHA-256", "scram.ScramLoginModule"),
        ("SCRAM-SHA-512", "scram.ScramLoginModule"),
    ],
)
def test_user_and_password(mechanism: str, module: str) -> None:
    settings = load(KafkaSettings, sasl(mechanism) | USER)
    assert settings.librdkafka() == {
        "bootstrap.servers": "broker:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": mechanism,
        "sasl.username": "alice",
        "sasl.password": "s3cret",
    }
    java = settings.java()
    assert java["sasl.mechanism"] == mechanism
    assert java["sasl.jaas.config"] == (
        f'org.apache.kafka.common.security.{module} required username="alice" password="s3cret";'
    )


def test_flinks_sql_connector_has_kafka_classes_of_its_own() -> None:
    java = load(KafkaSettings, sasl("PLAIN") | USER).java(shaded=True)
    prefix = "org.apache.flink.kafka.shaded.org.apache.kafka.common.security.plain.PlainLoginModule required "
    assert java["sasl.jaas.config"].startswith(prefix)


def test_jaas_values_are_escaped() -> None:
    env = sasl("PLAIN") | USER | {"KAFKA_SASL_PASSWORD": 'a"b\\c;\nd'}
    assert load(KafkaSettings, env).java()["sasl.jaas.config"].endswith(r' password="a\"b\\c;\nd";')


def test_oauth_client_credentials() -> None:
    env = sasl("OAUTHBEARER") | OIDC | {"KAFKA_SASL_OAUTHBEARER_SCOPE": "kafka read"}
    settings = load(KafkaSettings, env)
    librdkafka = settings.librdkafka()
    assert librdkafka["sasl.oauthbearer.method"] == "oidc"
    assert librdkafka["sasl.oauthbearer.client.secret"] == "s3cret"
    assert librdkafka["sasl.oauthbearer.scope"] == "kafka read"

    package = "org.apache.kafka.common.security.oauthbearer"
    java = settings.java()
    assert java["sasl.login.callback.handler.class"] == f"{package}.OAuthBearerLoginCallbackHandler"
    assert java["sasl.oauthbearer.token.endpoint.url"] == "https://login.example/token"
    assert java["sasl.jaas.config"] == (
        f"{package}.OAuthBearerLoginModule required "
        'clientId="client" clientSecret="s3cret" scope="kafka read";'
    )
    allowed = "org.apache.kafka.sasl.oauthbearer.allowed.urls"
    assert settings.java_system_properties() == {allowed: "https://login.example/token"}
    assert list(settings.java_system_properties(shaded=True)) == [f"org.apache.flink.kafka.shaded.{allowed}"]


def test_msk_iam_in_java() -> None:
    java = load(KafkaSettings, sasl("AWS_MSK_IAM") | {"AWS_REGION": "eu-central-1"}).java(shaded=True)
    assert java["sasl.mechanism"] == "AWS_MSK_IAM"
    assert java["sasl.jaas.config"] == "software.amazon.msk.auth.iam.IAMLoginModule required;"
    assert (
        java["sasl.client.callback.handler.class"] == "software.amazon.msk.auth.iam.IAMClientCallbackHandler"
    )


def test_msk_iam_without_its_signer_names_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(KafkaSettings, sasl("AWS_MSK_IAM") | {"AWS_REGION": "eu-central-1"})
    assert settings.msk_iam_region == "eu-central-1"
    assert settings.librdkafka_properties()["sasl.mechanism"] == "OAUTHBEARER"
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer", None)
    with pytest.raises(SettingsError, match=r"aws-msk-iam-sasl-signer-python.*procstream-common\[msk-iam\]"):
        settings.librdkafka()


def test_msk_iam_signs_a_token_for_its_region(monkeypatch: pytest.MonkeyPatch) -> None:
    signer = ModuleType("aws_msk_iam_sasl_signer")
    signer.MSKAuthTokenProvider = SimpleNamespace(  # type: ignore[attr-defined]
        generate_auth_token=lambda region: (f"token of {region}", 1_800_000_000_500)
    )
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer", signer)
    settings = load(KafkaSettings, sasl("AWS_MSK_IAM") | {"AWS_REGION": "eu-central-1"})
    assert settings.librdkafka()["oauth_cb"]("") == ("token of eu-central-1", 1_800_000_000.5)


def test_tls_with_a_client_certificate(pem: dict[str, str]) -> None:
    settings = load(KafkaSettings, BROKER | pem | {"KAFKA_SECURITY_PROTOCOL": "SSL"})
    librdkafka = settings.librdkafka()
    assert librdkafka["ssl.ca.location"] == pem["KAFKA_SSL_CA_LOCATION"]
    assert librdkafka["ssl.key.location"] == pem["KAFKA_SSL_KEY_LOCATION"]
    java = settings.java()
    assert java["ssl.truststore.type"] == "PEM"
    assert java["ssl.truststore.location"] == pem["KAFKA_SSL_CA_LOCATION"]
    assert java["ssl.keystore.type"] == "PEM"
    assert java["ssl.keystore.certificate.chain"] == "CHAIN"
    assert java["ssl.keystore.key"].startswith("-----BEGIN PRIVATE KEY-----")


def test_a_key_that_java_cannot_read_is_named(pem: dict[str, str]) -> None:
    Path(pem["KAFKA_SSL_KEY_LOCATION"]).write_text("-----BEGIN RSA PRIVATE KEY-----\nMII\n")
    settings = load(KafkaSettings, BROKER | pem | {"KAFKA_SECURITY_PROTOCOL": "SSL"})
    with pytest.raises(SettingsError, match=r"KAFKA_SSL_KEY_LOCATION: .*openssl pkcs8 -topk8"):
        settings.java()


def test_an_encryption_that_java_17_cannot_undo_is_named(pem: dict[str, str]) -> None:
    def key(oid: str) -> str:
        body = base64.encodebytes(b"0" * 60 + bytes.fromhex(oid) + b"0" * 60).decode()
        return f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}-----END ENCRYPTED PRIVATE KEY-----\n"

    env = BROKER | pem | {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_KEY_PASSWORD": "s3cret"}
    path = Path(pem["KAFKA_SSL_KEY_LOCATION"])
    path.write_text(key("2a864886f70d010c0103"))  # PBE-SHA1-3DES
    assert load(KafkaSettings, env).java()["ssl.key.password"] == "s3cret"
    path.write_text(key("2a864886f70d01050d"))  # PBES2, what OpenSSL writes by default
    with pytest.raises(SettingsError, match=r"PBES2.*-v1 PBE-SHA1-3DES"):
        load(KafkaSettings, env).java()


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({}, "KAFKA_BOOTSTRAP_SERVERS is not set, expected host:port"),
        ({"KAFKA_BOOTSTRAP_SERVERS": ","}, "KAFKA_BOOTSTRAP_SERVERS: found ',' (it names no broker)"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "broker"}, "'broker' is not host:port"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "broker:0"}, "'broker:0' is not host:port"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "kafka://broker:1"}, "'kafka://broker:1' is a URL"),
        (
            BROKER | {"KAFKA_SECURITY_PROTOCOL": "TLS"},
            "KAFKA_SECURITY_PROTOCOL: found 'TLS', expected PLAINTEXT",
        ),
        (sasl("GSSAPI"), "KAFKA_SASL_MECHANISM: found 'GSSAPI', expected PLAIN"),
        (
            BROKER | {"KAFKA_SASL_MECHANISM": "PLAIN"},
            "KAFKA_SASL_MECHANISM is set, but KAFKA_SECURITY_PROTOCOL is",
        ),
        (BROKER | USER, "KAFKA_SASL_USERNAME is set, but KAFKA_SECURITY_PROTOCOL is PLAINTEXT"),
        (BROKER | {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "KAFKA_SASL_MECHANISM is not set"),
        (sasl("PLAIN"), "KAFKA_SASL_USERNAME is not set"),
        (sasl("PLAIN") | {"KAFKA_SASL_USERNAME": "alice"}, "KAFKA_SASL_PASSWORD is not set"),
        (sasl("OAUTHBEARER"), "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL is not set"),
        (
            sasl("OAUTHBEARER") | OIDC | USER,
            "KAFKA_SASL_USERNAME is set, but KAFKA_SASL_MECHANISM OAUTHBEARER",
        ),
        (sasl("PLAIN") | USER | OIDC, "TOKEN_ENDPOINT_URL is set, but KAFKA_SASL_MECHANISM PLAIN"),
        (sasl("AWS_MSK_IAM"), "AWS_REGION is not set"),
        (
            sasl("AWS_MSK_IAM", "SASL_PLAINTEXT") | {"AWS_REGION": "eu-central-1"},
            "KAFKA_SECURITY_PROTOCOL: found 'SASL_PLAINTEXT', expected SASL_SSL",
        ),
        (
            BROKER | {"KAFKA_SSL_CA_LOCATION": "/nowhere/ca.pem"},
            "KAFKA_SSL_CA_LOCATION: found '/nowhere/ca.pem' (no such file)",
        ),
        (
            sasl("OAUTHBEARER") | OIDC | {"KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL": "login.example"},
            "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: found 'login.example'",
        ),
    ],
)
def test_a_wrong_setting_is_named(env: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(KafkaSettings, env)
    assert message in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_certificate_wants_its_key_and_both_want_tls(pem: dict[str, str]) -> None:
    with pytest.raises(
        SettingsError, match="KAFKA_SSL_CA_LOCATION is set, but KAFKA_SECURITY_PROTOCOL is PLAIN"
    ):
        load(KafkaSettings, BROKER | pem)
    del pem["KAFKA_SSL_KEY_LOCATION"]
    with pytest.raises(SettingsError, match="CERTIFICATE_LOCATION is set without KAFKA_SSL_KEY_LOCATION"):
        load(KafkaSettings, BROKER | pem | {"KAFKA_SECURITY_PROTOCOL": "SSL"})


def test_secrets_are_not_shown() -> None:
    assert "s3cret" not in repr(load(KafkaSettings, sasl("PLAIN") | USER))
    with pytest.raises(SettingsError) as caught:
        load(KafkaSettings, {"KAFKA_BOOTSTRAP_SERVERS": "kafka://alice:s3cret@broker:1"})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "env",
    [
        BROKER,
        sasl("PLAIN") | USER,
        sasl("SCRAM-SHA-256", "SASL_PLAINTEXT") | USER,
        sasl("SCRAM-SHA-512") | USER,
        sasl("OAUTHBEARER")
        | OIDC
        | {"KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL": "http://127.0.0.1:9/token"},
    ],
    ids=["plaintext", "plain", "scram-256", "scram-512", "oauth"],
)
def test_librdkafka_accepts_what_is_rendered(env: dict[str, str]) -> None:
    properties = load(KafkaSettings, env | {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}).librdkafka()
    assert Producer(properties | {"log_level": 0}) is not None
    assert AdminClient(properties | {"log_level": 0}) is not None
