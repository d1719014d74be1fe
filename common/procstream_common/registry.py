"""A client of a Confluent-compatible schema registry: finds, registers and deletes schemas.

Confluent's own client is not used. Its import takes 12 to 18 MB of memory, and it reports an HTML page with
status 404 as "not found" (docs/decisions/0015-registry-by-httpx.md).
"""

import base64
import logging
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from procstream_common.errors import NotFoundError, RefusedError, Server, ServerError, UnavailableError
from procstream_common.proxies import may_use_proxy
from procstream_common.settings import RegistrySettings

_log = logging.getLogger("procstream.registry")

RETRY_SECONDS = 0.5
"""How long `wait_for_schema` pauses between two attempts."""

_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
_NOT_FOUND_CODES = range(40400, 40500)
"""The registry's own codes, such as 40401 for a subject. Other servers do not send them."""
_SCHEMA_NOT_FOUND = 40403
_VERSION_NOT_FOUND = 40402


@dataclass(frozen=True)
class RegisteredSchema:
    """A schema in the registry."""

    id: int
    version: int
    schema_text: str
    is_avro_alone: bool = True
    """Its text is all that a parser of Avro needs: it refers to no other schema."""


@dataclass(frozen=True)
class Reference:
    """A schema that another one uses: its `name` there, and where it is registered."""

    name: str
    subject: str
    version: int


class SchemaRefusedError(RefusedError):
    """The registry refused a request about a schema or its subject."""

    def __init__(self, message: str, *, incompatible: bool = False) -> None:
        super().__init__(Server.REGISTRY, message)
        self.incompatible = incompatible
        """Whether the schema breaks the subject's compatibility level; otherwise it is invalid."""


class SchemaRegistry:
    """A client with one pool of connections. Each call is one request; nothing is cached.

    Several threads may use it. `timeout` is in seconds and applies to each request.

    Every method raises `UnavailableError` when the registry does not answer or cannot now (5xx, 429), and
    `RefusedError` when another attempt does not help: credentials, or the address of another server.

    Raises:
        RefusedError: a certificate or key file cannot be used.
    """

    def __init__(self, settings: RegistrySettings, *, timeout: float = 10.0) -> None:
        self._where = f"SCHEMA_REGISTRY_URL {settings.url}"
        headers = {"Accept": f"{_MEDIA_TYPE}, application/json"}
        if settings.username is not None and settings.password is not None:
            user_info = f"{settings.username}:{settings.password.get_secret_value()}"
            headers["Authorization"] = "Basic " + base64.b64encode(user_info.encode()).decode()
        self._http = httpx.Client(
            base_url=settings.url,
            headers=headers,
            timeout=timeout,
            verify=_tls(settings) if settings.url.startswith("https://") else False,
            trust_env=may_use_proxy(settings.url),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def subjects(self) -> list[str]:
        """The registered subjects."""
        doing = "listing subjects"
        answer = self._request("GET", "/subjects", doing)
        if not isinstance(answer, list):
            raise self._not_a_registry(doing)
        return [str(subject) for subject in answer]

    def latest(self, subject: str) -> RegisteredSchema:
        """The newest schema of `subject`. Raises `NotFoundError` when there is no such subject."""
        doing = f"looking for subject {subject!r}"
        path = f"/subjects/{quote(subject, safe='')}/versions/latest"
        answer = self._request("GET", path, doing, absent=f"subject {subject!r} is not registered")
        return self._registered(answer, doing)

    def versions(self, subject: str, *, most: int) -> list[RegisteredSchema]:
        """The newest schemas of `subject`, at most `most`, oldest first: a request for each and for the list.

        Raises `NotFoundError` when there is no such subject. Versions that are deleted meanwhile are omitted.
        """
        doing = f"listing versions of subject {subject!r}"
        path = f"/subjects/{quote(subject, safe='')}/versions"
        numbers = self._request("GET", path, doing, absent=f"subject {subject!r} is not registered")
        if not isinstance(numbers, list):
            raise self._not_a_registry(doing)
        found = []
        for number in numbers[-most:]:
            answer = self._request("GET", f"{path}/{number}", doing, none_for=_VERSION_NOT_FOUND)
            if answer is not None:
                found.append(self._registered(answer, doing))
        return found

    def by_id(self, schema_id: int) -> str:
        """The text of the schema with this id (the four bytes after the magic byte of a record).

        Raises `NotFoundError` when there is no such id.
        """
        doing = f"looking for schema id {schema_id}"
        answer = self._request(
            "GET", f"/schemas/ids/{schema_id}", doing, absent=f"schema id {schema_id} is not registered"
        )
        try:
            return str(answer["schema"])
        except (KeyError, TypeError):
            raise self._not_a_registry(doing) from None

    def wait_for_schema(self, subject: str, timeout: float) -> RegisteredSchema:
        """`latest(subject)`; retries while the registry is unavailable, for `timeout` seconds.

        Raises `NotFoundError` when there is no such subject.
        """
        deadline = time.monotonic() + timeout
        logged = False
        while True:
            try:
                return self.latest(subject)
            except UnavailableError as error:
                if not logged:
                    logged = True
                    _log.info("%s; waiting up to %g s", error, timeout)
                if time.monotonic() + RETRY_SECONDS > deadline:
                    raise UnavailableError(Server.REGISTRY, f"{error}; tried for {timeout:g} s") from None
            time.sleep(RETRY_SECONDS)

    def find(
        self, subject: str, schema_text: str, kind: str = "AVRO", references: Sequence[Reference] = ()
    ) -> RegisteredSchema | None:
        """This schema under `subject`; None when the subject has only other schemas.

        Raises `NotFoundError` when there is no such subject.
        """
        doing = f"looking for the schema under subject {subject!r}"
        answer = self._request(
            "POST",
            f"/subjects/{quote(subject, safe='')}",
            doing,
            body=_schema(schema_text, kind, references),
            absent=f"subject {subject!r} is not registered",
            none_for=_SCHEMA_NOT_FOUND,
        )
        if answer is None:
            return None
        return self._registered({"schema": schema_text, **answer} if isinstance(answer, dict) else {}, doing)

    def register(
        self, subject: str, schema_text: str, kind: str = "AVRO", references: Sequence[Reference] = ()
    ) -> int:
        """Register a schema under `subject`. Returns its id, also when it is registered already.

        Raises `SchemaRefusedError` when it is incompatible or invalid.
        """
        doing = f"registering a schema under subject {subject!r}"
        answer = self._request(
            "POST",
            f"/subjects/{quote(subject, safe='')}/versions",
            doing,
            body=_schema(schema_text, kind, references),
            refused=f"subject {subject}: the registry refused the schema",
        )
        try:
            return int(answer["id"])
        except (KeyError, TypeError, ValueError):
            raise self._not_a_registry(doing) from None

    def compatibility(self, subject: str) -> str:
        """The compatibility level of `subject`. Raises `NotFoundError` when it has none of its own."""
        doing = f"reading the compatibility of subject {subject!r}"
        answer = self._request(
            "GET",
            f"/config/{quote(subject, safe='')}",
            doing,
            absent=f"subject {subject!r} has no compatibility level of its own",
        )
        try:
            return str(answer["compatibilityLevel"])
        except (KeyError, TypeError):
            raise self._not_a_registry(doing) from None

    def set_compatibility(self, subject: str, level: str) -> None:
        """Set the compatibility level of `subject`."""
        self._request(
            "PUT",
            f"/config/{quote(subject, safe='')}",
            f"setting the compatibility of subject {subject!r}",
            body={"compatibility": level},
            absent=f"subject {subject!r} is not registered",
            refused=f"subject {subject}: the registry refused compatibility {level}",
        )

    def delete(self, subject: str, *, permanent: bool) -> None:
        """Delete `subject` with all its versions. A `permanent` deletion needs one that is not before it.

        Raises `NotFoundError` when there is no such subject.
        """
        self._request(
            "DELETE",
            f"/subjects/{quote(subject, safe='')}",
            f"deleting subject {subject!r}",
            query={"permanent": "true"} if permanent else None,
            absent=f"subject {subject!r} is not registered",
            refused=f"subject {subject}: the registry refused to delete it",
        )

    def _registered(self, answer: Any, doing: str) -> RegisteredSchema:
        try:
            alone = answer.get("schemaType", "AVRO") == "AVRO" and not answer.get("references")
            return RegisteredSchema(int(answer["id"]), int(answer["version"]), str(answer["schema"]), alone)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise self._not_a_registry(doing) from None

    def _request(
        self,
        method: str,
        path: str,
        doing: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        absent: str | None = None,
        none_for: int | None = None,
        refused: str | None = None,
    ) -> Any:
        """The JSON of the answer; None for the registry's error code `none_for`.

        `absent` is the message for the registry's 404xx codes, `refused` for its other errors.
        """
        headers = {"Content-Type": _MEDIA_TYPE} if body is not None else None
        try:
            response = self._http.request(method, path, json=body, params=query, headers=headers)
        except httpx.HTTPError as error:
            cause = str(error) or type(error).__name__
            raise UnavailableError(
                Server.REGISTRY, f"{self._where}: {doing}, the schema registry did not answer: {cause}"
            ) from None
        if response.status_code != HTTPStatus.OK:
            code, reason = _own_error(response)
            if none_for is not None and code == none_for:
                return None
            if absent is not None and code in _NOT_FOUND_CODES:
                raise NotFoundError(Server.REGISTRY, f"{self._where}: {absent}")
            own = code is not None and (
                response.status_code != HTTPStatus.NOT_FOUND or code in _NOT_FOUND_CODES
            )
            raise self._failure(response, doing, f"{refused}: {reason}" if refused and own else None)
        try:
            return response.json()
        except ValueError:
            raise self._not_a_registry(doing) from None

    def _failure(self, response: httpx.Response, doing: str, refused: str | None) -> ServerError:
        """`refused` is the message if the registry itself refuses the request."""
        status = response.status_code
        answered = f"{self._where}: {doing}, answer {status} {response.reason_phrase}".rstrip()
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return RefusedError(
                Server.REGISTRY,
                f"{answered}, expected SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD "
                "of a user who has access",
            )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
            return UnavailableError(Server.REGISTRY, answered)
        if refused is not None:
            return SchemaRefusedError(refused, incompatible=status == HTTPStatus.CONFLICT)
        return RefusedError(
            Server.REGISTRY, f"{answered}, expected the base URL of a Confluent-compatible registry"
        )

    def _not_a_registry(self, doing: str) -> RefusedError:
        return RefusedError(
            Server.REGISTRY,
            f"{self._where}: {doing}, the answer is not a registry's, "
            "expected the base URL of a Confluent-compatible registry",
        )


def check(settings: RegistrySettings, *, timeout: float = 5.0) -> None:
    """Check that something listens at the address: needs no credentials.

    `timeout` is in seconds. Raises `UnavailableError`.
    """
    parts = urlsplit(settings.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=timeout).close()
    except OSError as error:
        raise UnavailableError(
            Server.REGISTRY, f"SCHEMA_REGISTRY_URL {settings.url}: no answer: {error}"
        ) from None


def _schema(text: str, kind: str, references: Sequence[Reference]) -> dict[str, Any]:
    return {"schema": text, "schemaType": kind, "references": [asdict(reference) for reference in references]}


def _own_error(response: httpx.Response) -> tuple[int | None, str]:
    """The registry's own code and reason; no code if another server answered."""
    try:
        body = response.json()
        return int(body["error_code"]), str(body.get("message", ""))
    except (ValueError, KeyError, TypeError):
        return None, ""


def _tls(settings: RegistrySettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca_location)
    except ssl.SSLError as error:
        raise RefusedError(
            Server.REGISTRY,
            f"SCHEMA_REGISTRY_SSL_CA_LOCATION: found {settings.ssl_ca_location!r} ({error.reason}), "
            "expected a PEM file of certificate authorities",
        ) from None
    if settings.ssl_certificate_location is not None:
        try:
            context.load_cert_chain(
                settings.ssl_certificate_location,
                settings.ssl_key_location,
                password="",  # otherwise OpenSSL asks for it at the terminal
            )
        except ssl.SSLError as error:
            raise RefusedError(
                Server.REGISTRY,
                f"SCHEMA_REGISTRY_SSL_CERTIFICATE_LOCATION: found {settings.ssl_certificate_location!r} "
                f"({error.reason}), expected a PEM certificate that fits SCHEMA_REGISTRY_SSL_KEY_LOCATION",
            ) from None
    return context
