import pytest
from procstream_common.provisioning import EnsuredSchema, SchemaSpec
from procstream_operator.resource import Kind
from procstream_operator.schemas.schema_readiness import judged

from tests.unit.custom_resources.resources import ready_status, resource

SPEC = SchemaSpec(subject="orders-value", definition='"string"', compatibility="FULL")


@pytest.mark.parametrize(
    ("registered", "level_set", "was_ready", "reasons"),
    [
        (True, True, False, ["Registered"]),
        (True, False, True, ["Registered"]),
        (False, True, False, ["CompatibilitySet"]),
        (False, True, True, ["DriftRepaired"]),
        (False, False, True, []),
    ],
)
def test_the_events_list_what_was_done(
    registered: bool, level_set: bool, was_ready: bool, reasons: list[str]
) -> None:
    before = resource(Kind.SCHEMA, {}, status=ready_status() if was_ready else None)
    found = judged(before, SPEC, EnsuredSchema(7, 2, registered, level_set))
    assert found.ready.status == "True"
    assert found.status == {"id": 7, "version": 2}
    assert [event.reason for event in found.events] == reasons
