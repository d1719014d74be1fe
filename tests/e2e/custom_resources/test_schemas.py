from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.common.schema_registry_client import (
    ConfigCompatibilityLevel,
    ServerConfig,
)

from tests.e2e.custom_resources.resources import record, schema, until_ready
from tests.e2e.namespaces import Namespace
from tests.integration.waiting import until

FIRST = record(("id", "string"))
COMPATIBLE = record(("id", "string"), ("amount", ["null", "double"]))
INCOMPATIBLE = record(("id", "string"), ("amount", "double"))


def test_a_schema_is_registered_and_evolves(namespace: Namespace, registry: SchemaRegistryClient) -> None:
    namespace.apply(schema("orders-value", FIRST, compatibility="FULL"))
    namespace.wait("condition=Ready", "schema/orders-value")
    status = namespace.get("schema", "orders-value")["status"]
    assert status["version"] == 1
    assert registry.get_latest_version("orders-value").schema_id == status["id"]
    assert registry.get_config("orders-value").compatibility_level == ConfigCompatibilityLevel.FULL

    namespace.apply(schema("orders-value", COMPATIBLE, compatibility="FULL"))
    until(lambda: namespace.get("schema", "orders-value")["status"]["version"] == 2, "the second version")
    assert namespace.events("Schema", "orders-value") == ["Registered", "Registered"]


def test_an_incompatible_change_is_a_condition(namespace: Namespace, registry: SchemaRegistryClient) -> None:
    namespace.apply(schema("payments-value", FIRST))
    namespace.wait("condition=Ready", "schema/payments-value")
    namespace.apply(schema("payments-value", INCOMPATIBLE))
    condition = until_ready(namespace, "schema", "payments-value", "False", "IncompatibleSchema")
    assert "amount at /fields/1" in condition["message"]
    assert registry.get_versions("payments-value") == [1]
    namespace.apply(schema("payments-value", COMPATIBLE))
    until_ready(namespace, "schema", "payments-value", "True", "SchemaRegistered")


def test_what_is_no_schema_is_a_condition(namespace: Namespace) -> None:
    namespace.apply(schema("broken-value", {"type": "recor"}))
    until_ready(namespace, "schema", "broken-value", "False", "InvalidSchema")


def test_drift_is_repaired(namespace: Namespace, registry: SchemaRegistryClient) -> None:
    namespace.apply(schema("drifting-value", FIRST))
    namespace.wait("condition=Ready", "schema/drifting-value")
    registry.set_config("drifting-value", ServerConfig(compatibility=ConfigCompatibilityLevel.NONE))
    until(lambda: "DriftRepaired" in namespace.events("Schema", "drifting-value"), "an event about it")
    assert registry.get_config("drifting-value").compatibility_level == ConfigCompatibilityLevel.BACKWARD
    registry.delete_subject("drifting-value")
    registry.delete_subject("drifting-value", permanent=True)
    until(
        lambda: namespace.events("Schema", "drifting-value").count("Registered") == 2,
        "it is registered again",
    )


def test_a_schema_refers_to_another(namespace: Namespace, registry: SchemaRegistryClient) -> None:
    namespace.apply(schema("customer-value", {"type": "record", "name": "Customer", "fields": []}))
    namespace.wait("condition=Ready", "schema/customer-value")
    reference = {"name": "Customer", "subject": "customer-value", "version": 1}
    invoice = {"type": "record", "name": "Invoice", "fields": [{"name": "customer", "type": "Customer"}]}
    namespace.apply(schema("invoice-value", invoice, references=[reference]))
    namespace.wait("condition=Ready", "schema/invoice-value")
    [found] = registry.get_latest_version("invoice-value").schema.references
    assert (found.name, found.subject, found.version) == ("Customer", "customer-value", 1)


def test_a_protobuf_schema_is_passed_through(namespace: Namespace, registry: SchemaRegistryClient) -> None:
    resource = schema("proto-value", {}, type="PROTOBUF")
    resource["spec"]["definition"] = 'syntax = "proto3"; message Order { string id = 1; }'
    namespace.apply(resource)
    namespace.wait("condition=Ready", "schema/proto-value")
    assert registry.get_latest_version("proto-value").schema.schema_type == "PROTOBUF"


def test_the_subject_of_a_deleted_resource_is_retained_by_default(
    namespace: Namespace, registry: SchemaRegistryClient
) -> None:
    namespace.apply(schema("kept-value", FIRST), schema("removed-value", FIRST, deletionPolicy="Delete"))
    namespace.wait("condition=Ready", "schema/kept-value", "schema/removed-value")
    namespace.kubectl("delete", "schema", "kept-value", "removed-value", "--timeout=30s")
    subjects = registry.get_subjects()
    assert "kept-value" in subjects
    assert "removed-value" not in subjects


def test_the_subject_and_the_type_stay(namespace: Namespace) -> None:
    namespace.apply(schema("fixed-value", FIRST))
    for change in ({"subject": "other"}, {"type": "JSON"}):
        refusal = namespace.patch("schema", "fixed-value", {"spec": change}, check=False)
        assert "is immutable" in refusal
