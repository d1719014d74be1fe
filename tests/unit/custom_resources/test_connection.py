import os
from pathlib import Path

import pytest
from procstream_common.errors import SettingsError
from procstream_operator.connection import Connection, Settings, fingerprint

ENVIRONMENT = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "SCHEMA_REGISTRY_URL": "http://127.0.0.1:1",
    "PATH": "/bin",
}


def test_files_take_precedence_over_the_environment(tmp_path: Path) -> None:
    (tmp_path / "KAFKA_BOOTSTRAP_SERVERS").write_text("kafka:9092\n")
    (tmp_path / "..data").mkdir()
    assert Settings(tmp_path, ENVIRONMENT).read() == {**ENVIRONMENT, "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092"}


def test_a_missing_folder_is_a_readable_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"settings folder .*nowhere"):
        Settings(tmp_path / "nowhere", ENVIRONMENT).read()


def test_a_client_is_kept_until_a_setting_changes(tmp_path: Path) -> None:
    connection = Connection(Settings(tmp_path, ENVIRONMENT))
    first = connection.registry()
    assert connection.registry() is first
    (tmp_path / "UNRELATED").write_text("x")
    assert connection.registry() is first
    (tmp_path / "SCHEMA_REGISTRY_USERNAME").write_text("me")
    (tmp_path / "SCHEMA_REGISTRY_PASSWORD").write_text("old")
    second = connection.registry()
    assert second is not first
    (tmp_path / "SCHEMA_REGISTRY_PASSWORD").write_text("new")
    assert connection.registry() is not second


def test_a_client_is_created_again_when_a_certificate_changes(tmp_path: Path) -> None:
    certificate = tmp_path / "ca.crt"
    certificate.write_text("old")
    variables = {**ENVIRONMENT, "SCHEMA_REGISTRY_SSL_CA_LOCATION": str(certificate)}
    before = fingerprint(variables)
    assert fingerprint(variables) == before
    os.utime(certificate, ns=(1, 1))
    assert fingerprint(variables) != before


def test_wrong_settings_are_named() -> None:
    with pytest.raises(SettingsError, match="KAFKA_BOOTSTRAP_SERVERS is not set"):
        Connection(Settings(None, {})).topic_admin()
