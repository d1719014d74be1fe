"""Schemas brought to a registry: against one in memory, behind a real HTTP server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from procstream_common.errors import RefusedError, UnavailableError
from procstream_common.provisioning import (
    EnsuredSchema,
    SchemaReferenceSpec,
    SchemaRefusedError,
    SchemaSpec,
    delete_subject,
    ensure_schema,
)
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import RegistrySettings, load

from tests.unit import http_server
from tests.unit.http_server import Answer, HttpServer, Request, serving

SPEC = SchemaSpec(subject="records-value", definition='"string"')
NO_SUBJECT = Answer(404, {"error_code": 40401, "message": "Subject not found."})
NO_SCHEMA = Answer(404, {"error_code": 40403, "message": "Schema not found"})
NO_LEVEL = Answer(404, {"error_code": 40408, "message": "no compatibility level of its own"})


class Registry:
    """A Confluent-compatible registry, as far as these functions ask it."""

    def __init__(self) -> None:
        self.schemas: dict[str, list[dict[str, Any]]] = {}
        self.levels: dict[str, str] = {}
        self.softly_deleted: set[str] = set()
        self.keeps = True
        self.referenced: set[str] = set()

    def answer(self, request: Request) -> Answer:
        parts = urlsplit(request.path)
        kind, subject, *rest = [unquote(part) for part in parts.path.strip("/").split("/")]
        if kind == "config":
            return self._config(request, subject)
        if request.method == "DELETE":
            return self._delete(subject, permanent="permanent=true" in parts.query)
        return self._register(subject, request.json) if rest else self._find(subject, request.json)

    def _config(self, request: Request, subject: str) -> Answer:
        if request.method == "PUT":
            if subject not in self.schemas:
                return NO_SUBJECT
            self.levels[subject] = request.json["compatibility"]
            return Answer(200, request.json)
        return (
            Answer(200, {"compatibilityLevel": self.levels[subject]}) if subject in self.levels else NO_LEVEL
        )

    def _find(self, subject: str, schema: dict[str, Any]) -> Answer:
        if subject not in self.schemas:
            return NO_SUBJECT
        versions = self.schemas[subject]
        if schema not in versions:
            return NO_SCHEMA
        version = versions.index(schema) + 1
        return Answer(200, {"subject": subject, "id": 100 + version, "version": version, **schema})

    def _register(self, subject: str, schema: dict[str, Any]) -> Answer:
        if "bad" in schema["schema"]:
            return Answer(422, {"error_code": 42201, "message": "no schema"})
        if self.schemas.get(subject) and self.levels.get(subject) == "FULL":
            return Answer(409, {"error_code": 409, "message": "incompatible"})
        versions = self.schemas.setdefault(subject, [])
        if self.keeps:
            versions.append(schema)
        return Answer(200, {"id": 100 + len(versions)})

    def _delete(self, subject: str, *, permanent: bool) -> Answer:
        if subject in self.referenced:
            return Answer(422, {"error_code": 42206, "message": "references exist"})
        if permanent:
            if subject not in self.softly_deleted:
                return Answer(404, {"error_code": 40405, "message": "not deleted softly"})
            self.softly_deleted.remove(subject)
            return Answer(200, [1])
        if self.schemas.pop(subject, None) is None:
            return NO_SUBJECT
        self.softly_deleted.add(subject)
        return Answer(200, [1])


@contextmanager
def client_of(server: HttpServer) -> Iterator[SchemaRegistry]:
    with SchemaRegistry(load(RegistrySettings, {"SCHEMA_REGISTRY_URL": server.url}), timeout=5) as client:
        yield client


@contextmanager
def provisioned(registry: Registry) -> Iterator[tuple[SchemaRegistry, HttpServer]]:
    with serving(registry.answer) as server, client_of(server) as client:
        yield client, server


def test_a_schema_is_registered_once_and_its_level_set() -> None:
    registry = Registry()
    with provisioned(registry) as (client, _):
        first = ensure_schema(client, SPEC)
        second = ensure_schema(client, SPEC)
    assert first == EnsuredSchema(101, 1, registered=True, compatibility_set=True)
    assert second == EnsuredSchema(101, 1, registered=False, compatibility_set=False)
    assert registry.levels == {"records-value": "BACKWARD"}
    assert len(registry.schemas["records-value"]) == 1


def test_an_existing_schema_is_only_looked_at() -> None:
    registry = Registry()
    with provisioned(registry) as (client, server):
        ensure_schema(client, SPEC)
        server.requests.clear()
        ensure_schema(client, SPEC)
    assert {method for method, _ in server.sent} == {"POST", "GET"}
    assert ("POST", "/subjects/records-value/versions") not in server.sent


def test_a_level_that_somebody_changed_is_set_again() -> None:
    registry = Registry()
    with provisioned(registry) as (client, _):
        ensure_schema(client, SPEC)
        registry.levels["records-value"] = "NONE"
        again = ensure_schema(client, SPEC)
    assert again == EnsuredSchema(101, 1, registered=False, compatibility_set=True)
    assert registry.levels == {"records-value": "BACKWARD"}


def test_the_level_judges_the_change_that_comes_with_it() -> None:
    registry = Registry()
    with provisioned(registry) as (client, _):
        ensure_schema(client, SPEC)
        with pytest.raises(SchemaRefusedError, match=r"subject records-value: .*: incompatible") as caught:
            ensure_schema(client, SPEC.model_copy(update={"definition": '"long"', "compatibility": "FULL"}))
    assert caught.value.incompatible
    assert len(registry.schemas["records-value"]) == 1


def test_references_and_type_are_sent() -> None:
    spec = SchemaSpec(
        subject="s",
        type="PROTOBUF",
        definition="message",
        references=(SchemaReferenceSpec(name="n", subject="other", version=3),),
    )
    registry = Registry()
    with provisioned(registry) as (client, _):
        ensure_schema(client, spec)
    assert registry.schemas["s"] == [
        {
            "schema": "message",
            "schemaType": "PROTOBUF",
            "references": [{"name": "n", "subject": "other", "version": 3}],
        }
    ]


def test_what_is_no_schema_is_refused_with_the_registrys_reason() -> None:
    with provisioned(Registry()) as (client, _), pytest.raises(SchemaRefusedError) as caught:
        ensure_schema(client, SchemaSpec(subject="s", definition='"bad"'))
    assert str(caught.value) == "subject s: the registry refused the schema: no schema"
    assert not caught.value.incompatible


def test_a_registry_that_forgets_what_it_accepted_is_unavailable() -> None:
    registry = Registry()
    registry.keeps = False
    with (
        provisioned(registry) as (client, _),
        pytest.raises(UnavailableError, match="does not find the schema"),
    ):
        ensure_schema(client, SPEC)


def test_a_subject_is_deleted_for_good_and_no_other_one() -> None:
    registry = Registry()
    with provisioned(registry) as (client, server):
        ensure_schema(client, SPEC)
        ensure_schema(client, SPEC.model_copy(update={"subject": "never-ours"}))
        server.requests.clear()
        delete_subject(client, "records-value")
    assert registry.schemas.keys() == {"never-ours"}
    assert not registry.softly_deleted
    assert server.sent == [
        ("DELETE", "/subjects/records-value"),
        ("DELETE", "/subjects/records-value?permanent=true"),
    ]


def test_a_subject_that_is_absent_counts_as_deleted() -> None:
    registry = Registry()
    registry.softly_deleted.add("half-deleted")
    with provisioned(registry) as (client, _):
        delete_subject(client, "absent")
        delete_subject(client, "half-deleted")
    assert not registry.softly_deleted


def test_a_subject_that_others_refer_to_is_not_deleted() -> None:
    registry = Registry()
    registry.referenced.add("records-value")
    with (
        provisioned(registry) as (client, server),
        pytest.raises(SchemaRefusedError, match="references exist"),
    ):
        delete_subject(client, "records-value")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (http_server.HTML, RefusedError),
        (http_server.EMPTY, RefusedError),
        (Answer(401, ""), RefusedError),
        (Answer(503, "<html>", "text/html"), UnavailableError),
    ],
    ids=["HTML", "empty", "401", "503"],
)
def test_what_is_no_registry_is_neither_provisioned_nor_taken_for_an_absent_subject(
    answer: Answer, kind: type[Exception]
) -> None:
    with serving(answer) as server, client_of(server) as client:
        with pytest.raises(kind):
            ensure_schema(client, SPEC)
        with pytest.raises(kind):
            delete_subject(client, "records-value")
    assert len(server.requests) == 2


def test_a_registry_that_does_not_listen_is_unavailable() -> None:
    client = SchemaRegistry(load(RegistrySettings, {"SCHEMA_REGISTRY_URL": "http://127.0.0.1:1"}))
    with client, pytest.raises(UnavailableError, match=r"the schema registry did not answer: .*Errno 111"):
        ensure_schema(client, SPEC)
