"""Connection settings of S3 or any store that speaks its protocol."""

from typing import Any, Self

from pydantic import Field, SecretStr, model_validator

from procstream_common.settings.environment import EnvironmentSettings
from procstream_common.settings.kafka import require_together, reveal
from procstream_common.settings.values import Text, Url


class S3Settings(EnvironmentSettings):
    """How to reach S3. Everything is optional: without keys the clients use their default chains.

    Raises:
        SettingsError: one half of a key pair is missing.
    """

    endpoint: Url | None = Field(
        default=None,
        validation_alias="S3_ENDPOINT",
        description="the http(s) URL of an S3 endpoint without credentials",
    )
    path_style: bool | None = Field(
        default=None,
        validation_alias="S3_PATH_STYLE",
        description="true or false (by default true with S3_ENDPOINT, else false)",
    )
    access_key_id: Text | None = Field(
        default=None, validation_alias="AWS_ACCESS_KEY_ID", description="an access key id"
    )
    secret_access_key: SecretStr | None = Field(
        default=None, validation_alias="AWS_SECRET_ACCESS_KEY", description="a secret access key"
    )
    session_token: SecretStr | None = Field(
        default=None, validation_alias="AWS_SESSION_TOKEN", description="a session token"
    )
    region: Text | None = Field(
        default=None, validation_alias="AWS_REGION", description="an AWS region, e.g. eu-central-1"
    )
    web_identity_token_file: Text | None = Field(
        default=None,
        validation_alias="AWS_WEB_IDENTITY_TOKEN_FILE",
        description="the token file that EKS mounts for a service account with a role (IRSA)",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        require_together(self, "access_key_id", "secret_access_key")
        return self

    @property
    def uses_path_style(self) -> bool:
        """Whether the bucket is in the path of a URL and not in its host name."""
        return self.endpoint is not None if self.path_style is None else self.path_style

    def s3fs(self) -> dict[str, Any]:
        """Keyword arguments of `s3fs.S3FileSystem`; they contain secrets."""
        kwargs: dict[str, Any] = {}
        if self.access_key_id is not None:
            kwargs |= {"key": self.access_key_id, "secret": reveal(self.secret_access_key)}
            if self.session_token is not None:
                kwargs["token"] = reveal(self.session_token)
        if self.endpoint is not None:
            kwargs["endpoint_url"] = self.endpoint
        if self.region is not None:
            kwargs["client_kwargs"] = {"region_name": self.region}
        if self.uses_path_style:
            kwargs["config_kwargs"] = {"s3": {"addressing_style": "path"}}
        return kwargs

    def flink(self) -> dict[str, str]:
        """Configuration of Flink's flink-s3-fs-hadoop plugin; it reads keys from the environment.

        The plugin's default chain of credentials lacks the web identity of IRSA, so it is set here.
        """
        options: dict[str, str] = {}
        if self.endpoint is not None:
            options["s3.endpoint"] = self.endpoint
        if self.uses_path_style:
            options["s3.path.style.access"] = "true"
        if self.region is not None:
            options["s3.endpoint.region"] = self.region
        if self.access_key_id is None and self.web_identity_token_file is not None:
            options["s3.aws.credentials.provider"] = "com.amazonaws.auth.WebIdentityTokenCredentialsProvider"
        return options
