"""Looking schemas up in a Confluent-compatible registry; registering them is the operator's work."""

import base64
import json
import logging
import ssl
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from procstream_common.errors import ProcstreamError
from procstream_common.settings import RegistrySettings

_log = logging.getLogger("procstream.registry")

RETRY_SECONDS = 0.5
"""How long `wait_for_schema` rests between two attempts."""


class SchemaNotFound(ProcstreamError):  # noqa: N818 - says what it is
    """The registry answers and does not have the subject or the id."""


class RegistryUnavailable(ProcstreamError):  # noqa: N818
    """The registry does not answer, or answers that it cannot now (5xx, 429): worth another attempt."""


class RegistryRefused(ProcstreamError):  # noqa: N818
    """The registry answers something that another attempt will not change: credentials, a wrong URL."""


@dataclass(frozen=True)
class RegisteredSchema:
    """A schema as the registry holds it."""

    id: int
    version: int
    schema_text: str


class SchemaRegistry:
    """A thin client over one HTTP connection; every lookup is one request, nothing is cached.

    Raises:
        RegistryRefused: a certificate or key file cannot be used.
    """

    def __init__(self, settings: RegistrySettings, *, timeout: float = 10.0) -> None:
        self._settings = settings
        headers = {"Accept": "application/vnd.schemaregistry.v1+json, application/json"}
        if settings.username is not None and settings.password is not None:
            user_info = f"{settings.username}:{settings.password.get_secret_value()}"
            headers["Authorization"] = "Basic " + base64.b64encode(user_info.encode()).decode()
        self._http = httpx.Client(
            base_url=settings.url,
            headers=headers,
            timeout=timeout,
            verify=_tls(settings) if settings.url.startswith("https://") else False,
        )

    def __enter__(self) -> "SchemaRegistry":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def latest(self, subject: str) -> RegisteredSchema:
        """The newest schema of `subject`.

        Raises:
            SchemaNotFound: the registry has no such subject.
            RegistryUnavailable: the registry is away; worth another attempt.
            RegistryRefused: it does not let us, or is no schema registry.
        """
        what = f"subject {subject!r}"
        answer = self._get(f"/subjects/{quote(subject, safe='')}/versions/latest", what)
        try:
            return RegisteredSchema(int(answer["id"]), int(answer["version"]), str(answer["schema"]))
        except (KeyError, TypeError, ValueError):
            raise self._not_a_registry(what) from None

    def by_id(self, schema_id: int) -> str:
        """Text of the schema with this id (the four bytes after the magic byte of a record).

        Raises:
            SchemaNotFound: the registry has no such id.
            RegistryUnavailable: the registry is away; worth another attempt.
            RegistryRefused: it does not let us, or is no schema registry.
        """
        what = f"schema id {schema_id}"
        answer = self._get(f"/schemas/ids/{schema_id}", what)
        try:
            return str(answer["schema"])
        except (KeyError, TypeError):
            raise self._not_a_registry(what) from None

    def wait_for_schema(self, subject: str, timeout: float) -> RegisteredSchema:
        """`latest(subject)`, with further attempts while the registry is away, for `timeout` seconds.

        Raises:
            SchemaNotFound: the registry is there and has no such subject.
            RegistryUnavailable: it was away all the time.
            RegistryRefused: it does not let us, or is no schema registry.
        """
        deadline = time.monotonic() + timeout
        said = False
        while True:
            try:
                return self.latest(subject)
            except RegistryUnavailable as error:
                if not said:
                    said = True
                    _log.info("%s; waiting up to %g s", error, timeout)
                if time.monotonic() + RETRY_SECONDS > deadline:
                    raise RegistryUnavailable(f"{error}; tried for {timeout:g} s") from None
            time.sleep(RETRY_SECONDS)

    def _get(self, path: str, what: str) -> Any:
        url = self._settings.url
        try:
            response = self._http.get(path)
        except httpx.RequestError as error:
            reason = str(error) or type(error).__name__
            raise RegistryUnavailable(
                f"SCHEMA_REGISTRY_URL {url}: looking for {what}, no answer: {reason}"
            ) from None
        status = response.status_code
        if status == HTTPStatus.NOT_FOUND and _error_code(response) in (40401, 40402, 40403):
            raise SchemaNotFound(f"SCHEMA_REGISTRY_URL {url}: {what} is not registered")
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise RegistryRefused(
                f"SCHEMA_REGISTRY_URL {url}: looking for {what}, answer {status} {response.reason_phrase}, "
                "expected SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD of a user who may read it"
            )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
            raise RegistryUnavailable(
                f"SCHEMA_REGISTRY_URL {url}: looking for {what}, answer {status} {response.reason_phrase}"
            )
        if status != HTTPStatus.OK:
            raise RegistryRefused(
                f"SCHEMA_REGISTRY_URL {url}: looking for {what}, answer {status} {response.reason_phrase}, "
                "expected the base URL of a Confluent-compatible registry"
            )
        try:
            return response.json()
        except json.JSONDecodeError:
            raise self._not_a_registry(what) from None

    def _not_a_registry(self, what: str) -> RegistryRefused:
        return RegistryRefused(
            f"SCHEMA_REGISTRY_URL {self._settings.url}: looking for {what}, the answer is no schema, "
            "expected the base URL of a Confluent-compatible registry"
        )


def _tls(settings: RegistrySettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca_location)
    except ssl.SSLError as error:
        raise RegistryRefused(
            f"SCHEMA_REGISTRY_SSL_CA_LOCATION: found {settings.ssl_ca_location!r} ({error.reason}), "
            "expected a PEM file of certificate authorities"
        ) from None
    if settings.ssl_certificate_location is not None:
        try:
            context.load_cert_chain(
                settings.ssl_certificate_location,
                settings.ssl_key_location,
                password="",  # else OpenSSL asks the terminal for it
            )
        except ssl.SSLError as error:
            raise RegistryRefused(
                f"SCHEMA_REGISTRY_SSL_CERTIFICATE_LOCATION: found {settings.ssl_certificate_location!r} "
                f"({error.reason}), expected a PEM certificate that fits SCHEMA_REGISTRY_SSL_KEY_LOCATION"
            ) from None
    return context


def _error_code(response: httpx.Response) -> int | None:
    """The registry's own code: a 404 without one comes from a server that is no registry, or a wrong path."""
    try:
        return int(response.json()["error_code"])
    except (json.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
