"""Connection settings of a Confluent-compatible schema registry."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from procstream_common.errors import SettingsError
from procstream_common.settings.environment import EnvironmentSettings
from procstream_common.settings.kafka import require_together, reveal
from procstream_common.settings.kafka_java import private_key
from procstream_common.settings.values import ReadableFile, Text, Url


class RegistrySettings(EnvironmentSettings):
    """How to reach the schema registry. Certificates and keys are PEM files.

    Raises:
        SettingsError: two settings contradict each other.
    """

    url: Url = Field(
        validation_alias="SCHEMA_REGISTRY_URL",
        description="the http(s) URL of a Confluent-compatible registry without credentials, "
        "e.g. http://127.0.0.1:8080/apis/ccompat/v7",
    )
    username: Text | None = Field(
        default=None, validation_alias="SCHEMA_REGISTRY_USERNAME", description="a user name"
    )
    password: SecretStr | None = Field(
        default=None, validation_alias="SCHEMA_REGISTRY_PASSWORD", description="a password"
    )
    ssl_ca_location: ReadableFile | None = Field(
        default=None,
        validation_alias="SCHEMA_REGISTRY_SSL_CA_LOCATION",
        description="a PEM file of the certificate authorities",
    )
    ssl_certificate_location: ReadableFile | None = Field(
        default=None,
        validation_alias="SCHEMA_REGISTRY_SSL_CERTIFICATE_LOCATION",
        description="a PEM file of the client's certificate chain",
    )
    ssl_key_location: ReadableFile | None = Field(
        default=None,
        validation_alias="SCHEMA_REGISTRY_SSL_KEY_LOCATION",
        description="a PEM file of the client's private key (PKCS#8)",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        require_together(self, "username", "password")
        require_together(self, "ssl_certificate_location", "ssl_key_location")
        if self.username is not None and ":" in self.username:
            raise SettingsError(
                f"SCHEMA_REGISTRY_USERNAME: found {self.username!r}, expected no colon (RFC 7617)"
            )
        if self.url.startswith("http://"):
            for field in ("ssl_ca_location", "ssl_certificate_location"):
                if self.is_set(field):
                    raise SettingsError(
                        f"{self.variable(field)} is set, but SCHEMA_REGISTRY_URL is {self.url}, "
                        "expected an https URL"
                    )
        return self

    def java(self) -> dict[str, str]:
        """Options of Flink's `avro-confluent` format, without its prefix; they contain secrets.

        PEM files need store types. The format has no options for them, so they are in its `properties` map,
        which it passes to the registry client.

        Raises:
            SettingsError: Java cannot read the format of the private key.
        """
        options = {"url": self.url}
        if (user_info := self._user_info()) is not None:
            options |= {"basic-auth.credentials-source": "USER_INFO", "basic-auth.user-info": user_info}
        if self.ssl_ca_location is not None:
            options |= {
                "ssl.truststore.location": self.ssl_ca_location,
                "properties.schema.registry.ssl.truststore.type": "PEM",
            }
        if self.ssl_certificate_location is not None and self.ssl_key_location is not None:
            prefix = "properties.schema.registry.ssl.keystore"
            options |= {
                f"{prefix}.type": "PEM",
                f"{prefix}.certificate.chain": Path(self.ssl_certificate_location).read_text(),
                f"{prefix}.key": private_key(Path(self.ssl_key_location), "SCHEMA_REGISTRY_SSL_KEY_LOCATION"),
            }
        return options

    def _user_info(self) -> str | None:
        return None if self.username is None else f"{self.username}:{reveal(self.password)}"
