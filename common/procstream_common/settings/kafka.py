"""Connection settings of Kafka, for librdkafka and for Java."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, model_validator

from procstream_common.errors import SettingsError
from procstream_common.settings import kafka_java
from procstream_common.settings.environment import EnvironmentSettings
from procstream_common.settings.values import BootstrapServers, ReadableFile, Text, UpperCase, Url

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"]

_SASL_PROTOCOLS = ("SASL_SSL", "SASL_PLAINTEXT")
_TLS_PROTOCOLS = ("SSL", "SASL_SSL")
_TLS_FIELDS = ("ssl_ca_location", "ssl_certificate_location", "ssl_key_location", "ssl_key_password")
_PASSWORD_FIELDS = ("sasl_username", "sasl_password")
_OIDC_FIELDS = (
    "sasl_oauthbearer_token_endpoint_url",
    "sasl_oauthbearer_client_id",
    "sasl_oauthbearer_client_secret",
)
_NEEDS: dict[str, tuple[str, ...]] = {
    "PLAIN": _PASSWORD_FIELDS,
    "SCRAM-SHA-256": _PASSWORD_FIELDS,
    "SCRAM-SHA-512": _PASSWORD_FIELDS,
    "OAUTHBEARER": _OIDC_FIELDS,
    "AWS_MSK_IAM": ("aws_region",),
}
_SASL_FIELDS = (*_PASSWORD_FIELDS, *_OIDC_FIELDS, "sasl_oauthbearer_scope")


class KafkaSettings(EnvironmentSettings):
    """How to reach Kafka. Certificates and keys are PEM files.

    Raises:
        SettingsError: two settings contradict each other, or one that the mechanism needs is missing.
    """

    bootstrap_servers: BootstrapServers = Field(
        validation_alias="KAFKA_BOOTSTRAP_SERVERS", description="host:port, several separated by commas"
    )
    security_protocol: Annotated[SecurityProtocol, UpperCase] = Field(
        default="PLAINTEXT",
        validation_alias="KAFKA_SECURITY_PROTOCOL",
        description="PLAINTEXT, SSL, SASL_SSL or SASL_PLAINTEXT",
    )
    sasl_mechanism: Annotated[SaslMechanism, UpperCase] | None = Field(
        default=None,
        validation_alias="KAFKA_SASL_MECHANISM",
        description="PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM",
    )
    sasl_username: Text | None = Field(
        default=None, validation_alias="KAFKA_SASL_USERNAME", description="a user name"
    )
    sasl_password: SecretStr | None = Field(
        default=None, validation_alias="KAFKA_SASL_PASSWORD", description="a password"
    )
    sasl_oauthbearer_token_endpoint_url: Url | None = Field(
        default=None,
        validation_alias="KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL",
        description="the http(s) URL of an OIDC token endpoint",
    )
    sasl_oauthbearer_client_id: Text | None = Field(
        default=None, validation_alias="KAFKA_SASL_OAUTHBEARER_CLIENT_ID", description="an OIDC client id"
    )
    sasl_oauthbearer_client_secret: SecretStr | None = Field(
        default=None,
        validation_alias="KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET",
        description="the OIDC client's secret",
    )
    sasl_oauthbearer_scope: Text | None = Field(
        default=None, validation_alias="KAFKA_SASL_OAUTHBEARER_SCOPE", description="OIDC scopes"
    )
    ssl_ca_location: ReadableFile | None = Field(
        default=None,
        validation_alias="KAFKA_SSL_CA_LOCATION",
        description="a PEM file of the certificate authorities",
    )
    ssl_certificate_location: ReadableFile | None = Field(
        default=None,
        validation_alias="KAFKA_SSL_CERTIFICATE_LOCATION",
        description="a PEM file of the client's certificate chain",
    )
    ssl_key_location: ReadableFile | None = Field(
        default=None,
        validation_alias="KAFKA_SSL_KEY_LOCATION",
        description="a PEM file of the client's private key (PKCS#8)",
    )
    ssl_key_password: SecretStr | None = Field(
        default=None, validation_alias="KAFKA_SSL_KEY_PASSWORD", description="the private key's password"
    )
    aws_region: Text | None = Field(
        default=None, validation_alias="AWS_REGION", description="an AWS region, e.g. eu-central-1"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_sasl()
        self._check_tls()
        return self

    def _check_sasl(self) -> None:
        protocol, mechanism = self.security_protocol, self.sasl_mechanism
        if protocol not in _SASL_PROTOCOLS:
            for field in ("sasl_mechanism", *_SASL_FIELDS):
                if self.is_set(field):
                    raise SettingsError(
                        f"{self.variable(field)} is set, but KAFKA_SECURITY_PROTOCOL is {protocol}, "
                        "expected SASL_SSL or SASL_PLAINTEXT"
                    )
            return
        if mechanism is None:
            raise SettingsError(
                f"KAFKA_SASL_MECHANISM is not set, but KAFKA_SECURITY_PROTOCOL is {protocol}, "
                f"expected {type(self).model_fields['sasl_mechanism'].description}"
            )
        if mechanism == "AWS_MSK_IAM" and protocol != "SASL_SSL":
            raise SettingsError(
                f"KAFKA_SECURITY_PROTOCOL: found {protocol!r}, expected SASL_SSL, "
                "because KAFKA_SASL_MECHANISM is AWS_MSK_IAM"
            )
        needed = _NEEDS[mechanism]
        for field in needed:
            if not self.is_set(field):
                expected = type(self).model_fields[field].description
                raise SettingsError(
                    f"{self.variable(field)} is not set, expected {expected}, "
                    f"because KAFKA_SASL_MECHANISM is {mechanism}"
                )
        allowed = (*needed, "sasl_oauthbearer_scope") if mechanism == "OAUTHBEARER" else needed
        for field in _SASL_FIELDS:
            if self.is_set(field) and field not in allowed:
                raise SettingsError(
                    f"{self.variable(field)} is set, but KAFKA_SASL_MECHANISM {mechanism} does not use it, "
                    f"expected only {' and '.join(self.variable(name) for name in allowed)}"
                )

    def _check_tls(self) -> None:
        if self.security_protocol not in _TLS_PROTOCOLS:
            for field in _TLS_FIELDS:
                if self.is_set(field):
                    raise SettingsError(
                        f"{self.variable(field)} is set, but KAFKA_SECURITY_PROTOCOL is "
                        f"{self.security_protocol}, expected SSL or SASL_SSL"
                    )
        require_together(self, "ssl_certificate_location", "ssl_key_location")
        if self.ssl_key_password is not None and self.ssl_key_location is None:
            raise SettingsError("KAFKA_SSL_KEY_PASSWORD is set without KAFKA_SSL_KEY_LOCATION, expected both")

    def librdkafka(self) -> dict[str, Any]:
        """Configuration of a confluent-kafka client, including the `oauth_cb` of MSK IAM.

        Raises:
            SettingsError: MSK IAM is configured and its signer is not installed.
        """
        properties: dict[str, Any] = dict(self.librdkafka_properties())
        if self.msk_iam_region is not None:
            from procstream_common.msk_iam import token_callback  # boto3 is large and often not installed

            properties["oauth_cb"] = token_callback(self.msk_iam_region)
        return properties

    def librdkafka_properties(self) -> dict[str, str]:
        """`librdkafka()` without the callback, to pass to another process; contains secrets."""
        properties = {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": self.security_protocol,
            "sasl.mechanism": "OAUTHBEARER" if self.msk_iam_region else self.sasl_mechanism,
            "sasl.username": self.sasl_username,
            "sasl.password": reveal(self.sasl_password),
            "ssl.ca.location": self.ssl_ca_location,
            "ssl.certificate.location": self.ssl_certificate_location,
            "ssl.key.location": self.ssl_key_location,
            "ssl.key.password": reveal(self.ssl_key_password),
        }
        if self.sasl_mechanism == "OAUTHBEARER":
            properties |= {
                "sasl.oauthbearer.method": "oidc",
                "sasl.oauthbearer.token.endpoint.url": self.sasl_oauthbearer_token_endpoint_url,
                "sasl.oauthbearer.client.id": self.sasl_oauthbearer_client_id,
                "sasl.oauthbearer.client.secret": reveal(self.sasl_oauthbearer_client_secret),
                "sasl.oauthbearer.scope": self.sasl_oauthbearer_scope,
            }
        return {name: value for name, value in properties.items() if value is not None}

    @property
    def msk_iam_region(self) -> str | None:
        """The AWS region whose IAM signs the tokens, or None when MSK IAM is not used."""
        return self.aws_region if self.sasl_mechanism == "AWS_MSK_IAM" else None

    def java(self, *, shaded: bool = False) -> dict[str, str]:
        """Properties of a Kafka Java client, without a prefix; they contain secrets.

        Args:
            shaded: use the class names of flink-sql-connector-kafka, which contains a relocated Kafka
                client, instead of those of kafka-clients.

        Raises:
            SettingsError: Java cannot read the format of the private key.
        """
        return kafka_java.properties(
            self.librdkafka_properties(),
            mechanism=self.sasl_mechanism,
            class_prefix=kafka_java.SHADED_PREFIX if shaded else "",
        )

    def java_system_properties(self, *, shaded: bool = False) -> dict[str, str]:
        """System properties (`-D`) that the JVM of a Kafka client needs: the allowed OIDC endpoints.

        Kafka 4 refuses all other token endpoints (CVE-2025-27817).
        """
        if self.sasl_oauthbearer_token_endpoint_url is None:
            return {}
        prefix = kafka_java.SHADED_PREFIX if shaded else ""
        name = f"{prefix}org.apache.kafka.sasl.oauthbearer.allowed.urls"
        return {name: self.sasl_oauthbearer_token_endpoint_url}


def reveal(secret: SecretStr | None) -> str | None:
    """The text of a secret, for the client that needs it."""
    return None if secret is None else secret.get_secret_value()


def require_together(settings: EnvironmentSettings, first: str, second: str) -> None:
    """Check two settings that are only valid together.

    Raises:
        SettingsError: only one of them is set.
    """
    if settings.is_set(first) != settings.is_set(second):
        there, missing = (first, second) if settings.is_set(first) else (second, first)
        raise SettingsError(
            f"{settings.variable(there)} is set without {settings.variable(missing)}, expected both or none"
        )
