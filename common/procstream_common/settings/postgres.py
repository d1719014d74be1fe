"""Connection settings of PostgreSQL."""

from typing import Annotated
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from pydantic import AfterValidator, Field, SecretStr

from procstream_common.settings.environment import EnvironmentSettings
from procstream_common.settings.kafka import reveal
from procstream_common.settings.values import Text


def _postgres_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("it does not start with postgresql://")
    if not parts.hostname:
        raise ValueError("it names no host")
    if not parts.path.strip("/"):
        raise ValueError("it names no database")
    if parts.username is not None or parts.password is not None:
        raise ValueError("it carries credentials")
    _ = parts.port  # raises ValueError when it is not a number from 0 to 65535
    return value


class PostgresSettings(EnvironmentSettings):
    """How to reach PostgreSQL."""

    url: Annotated[Text, AfterValidator(_postgres_url)] = Field(
        validation_alias="POSTGRES_URL",
        description="postgresql://HOST[:PORT]/DATABASE without credentials, with libpq's options such as"
        " ?sslmode=verify-full&sslrootcert=FILE",
    )
    user: Text | None = Field(default=None, validation_alias="POSTGRES_USER", description="a user name")
    password: SecretStr | None = Field(
        default=None, validation_alias="POSTGRES_PASSWORD", description="a password"
    )

    def libpq(self) -> dict[str, str]:
        """Connection parameters of libpq and psycopg; they contain the password."""
        parts = urlsplit(self.url)
        parameters = {
            "host": parts.hostname or "",
            "port": str(parts.port or 5432),
            "dbname": unquote(parts.path.strip("/")),
            **dict(parse_qsl(parts.query)),
        }
        return parameters | self._credentials("user")

    def jdbc(self) -> dict[str, str]:
        """Options of the `postgres` table of Flink SQL; they contain the password.

        Strings are sent without a type, so that PostgreSQL converts them to the type of the column, such as
        uuid, timestamptz or jsonb (pgjdbc, `stringtype`). A hanging connection is closed after a minute.
        """
        parts = urlsplit(self.url)
        query = {
            "socketTimeout": "60",
            **dict(parse_qsl(parts.query)),
            "stringtype": "unspecified",
            "reWriteBatchedInserts": "true",
            "ApplicationName": "procstream",
        }
        address = f"{parts.hostname}:{parts.port or 5432}"
        return {"url": f"jdbc:postgresql://{address}{parts.path}?{urlencode(query)}"} | self._credentials(
            "username"
        )

    def _credentials(self, user: str) -> dict[str, str]:
        found = {user: self.user, "password": reveal(self.password) if self.password else None}
        return {name: value for name, value in found.items() if value is not None}
