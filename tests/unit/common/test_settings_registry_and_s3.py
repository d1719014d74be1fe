"""Settings of the schema registry and of S3."""

from pathlib import Path

import pytest
from procstream_common.errors import SettingsError
from procstream_common.settings import RegistrySettings, S3Settings, load

URL = {"SCHEMA_REGISTRY_URL": "https://registry:8081/apis/ccompat/v7/"}
USER = {"SCHEMA_REGISTRY_USERNAME": "alice", "SCHEMA_REGISTRY_PASSWORD": "s3:cret"}
KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "s3cret"}


def test_a_registry_needs_no_more_than_its_url() -> None:
    settings = load(RegistrySettings, URL)
    expected = {"url": "https://registry:8081/apis/ccompat/v7"}
    assert settings.java() == expected


def test_registry_credentials() -> None:
    settings = load(RegistrySettings, URL | USER)
    assert settings.java()["basic-auth.credentials-source"] == "USER_INFO"
    assert settings.java()["basic-auth.user-info"] == "alice:s3:cret"
    assert "s3:cret" not in repr(settings)


def test_registry_tls_with_pem_files(tmp_path: Path) -> None:
    for name, text in {"ca": "CA", "chain": "CHAIN", "key": "-----BEGIN PRIVATE KEY-----\n"}.items():
        (tmp_path / name).write_text(text)
    env = URL | {
        "SCHEMA_REGISTRY_SSL_CA_LOCATION": str(tmp_path / "ca"),
        "SCHEMA_REGISTRY_SSL_CERTIFICATE_LOCATION": str(tmp_path / "chain"),
        "SCHEMA_REGISTRY_SSL_KEY_LOCATION": str(tmp_path / "key"),
    }
    settings = load(RegistrySettings, env)
    assert settings.java() == {
        "url": "https://registry:8081/apis/ccompat/v7",
        "ssl.truststore.location": str(tmp_path / "ca"),
        "properties.schema.registry.ssl.truststore.type": "PEM",
        "properties.schema.registry.ssl.keystore.type": "PEM",
        "properties.schema.registry.ssl.keystore.certificate.chain": "CHAIN",
        "properties.schema.registry.ssl.keystore.key": "-----BEGIN PRIVATE KEY-----\n",
    }
    with pytest.raises(SettingsError, match="SSL_CA_LOCATION is set, but SCHEMA_REGISTRY_URL is http://"):
        load(RegistrySettings, env | {"SCHEMA_REGISTRY_URL": "http://registry:8081"})


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({}, "SCHEMA_REGISTRY_URL is not set"),
        ({"SCHEMA_REGISTRY_URL": "registry:8081"}, "found 'registry:8081' (it does not start with http"),
        ({"SCHEMA_REGISTRY_URL": "http://"}, "it names no host"),
        ({"SCHEMA_REGISTRY_URL": "http://alice:s3:cret@registry"}, "it carries credentials"),
        (URL | {"SCHEMA_REGISTRY_USERNAME": "alice"}, "USERNAME is set without SCHEMA_REGISTRY_PASSWORD"),
        (URL | {"SCHEMA_REGISTRY_PASSWORD": "s3:cret"}, "PASSWORD is set without SCHEMA_REGISTRY_USERNAME"),
        (URL | USER | {"SCHEMA_REGISTRY_USERNAME": "a:b"}, "found 'a:b', expected no colon"),
    ],
)
def test_a_wrong_registry_setting_is_named(env: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(RegistrySettings, env)
    assert message in str(caught.value)
    assert "s3:cret" not in str(caught.value)


def test_s3_without_settings_uses_the_clients_default_chains() -> None:
    settings = load(S3Settings, {})
    assert settings.s3fs() == {}
    assert settings.flink() == {}


def test_another_s3_has_an_endpoint_and_its_bucket_in_the_path() -> None:
    settings = load(S3Settings, KEYS | {"S3_ENDPOINT": "http://127.0.0.1:9000/", "AWS_REGION": "eu-west-1"})
    assert settings.s3fs() == {
        "key": "id",
        "secret": "s3cret",
        "endpoint_url": "http://127.0.0.1:9000",
        "client_kwargs": {"region_name": "eu-west-1"},
        "config_kwargs": {"s3": {"addressing_style": "path"}},
    }
    assert settings.flink() == {
        "s3.endpoint": "http://127.0.0.1:9000",
        "s3.path.style.access": "true",
        "s3.endpoint.region": "eu-west-1",
    }


def test_the_bucket_can_be_in_the_host_name_of_an_endpoint() -> None:
    env = {"S3_ENDPOINT": "https://s3.example", "S3_PATH_STYLE": "false"}
    assert load(S3Settings, env).flink() == {"s3.endpoint": "https://s3.example"}


def test_temporary_keys_carry_their_token() -> None:
    assert load(S3Settings, KEYS | {"AWS_SESSION_TOKEN": "t"}).s3fs()["token"] == "t"


def test_flink_never_gets_the_keys() -> None:
    assert "s3cret" not in str(load(S3Settings, KEYS | {"AWS_SESSION_TOKEN": "s3cret"}).flink())


def test_a_service_account_with_a_role_needs_its_provider_named() -> None:
    irsa = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/token"}
    provider = {"s3.aws.credentials.provider": "com.amazonaws.auth.WebIdentityTokenCredentialsProvider"}
    assert load(S3Settings, irsa).flink() == provider
    assert load(S3Settings, irsa | KEYS).flink() == {}


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"S3_ENDPOINT": "127.0.0.1:9000"}, "S3_ENDPOINT: found '127.0.0.1:9000'"),
        ({"S3_PATH_STYLE": "perhaps"}, "S3_PATH_STYLE: found 'perhaps', expected true or false"),
        ({"AWS_ACCESS_KEY_ID": "id"}, "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY"),
        ({"AWS_SECRET_ACCESS_KEY": "s3cret"}, "AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID"),
    ],
)
def test_a_wrong_s3_setting_is_named(env: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(S3Settings, env)
    assert message in str(caught.value)
    assert "s3cret" not in str(caught.value)
