from datetime import UTC, datetime, timedelta

from procstream_operator import deletion
from procstream_operator.owners import owner_among
from procstream_operator.resource import Key, Kind

from tests.unit.custom_resources.resources import resource

DELETED = "2026-01-31T12:00:00Z"
PATIENCE = timedelta(minutes=5)


def at(seconds: int) -> datetime:
    return datetime(2026, 1, 31, 12, 0, tzinfo=UTC) + timedelta(seconds=seconds)


def test_data_are_retained_by_default() -> None:
    assert not deletion.is_requested(resource(Kind.TOPIC, {}))
    assert not deletion.is_requested(resource(Kind.TOPIC, {"deletionPolicy": "Retain"}))
    assert deletion.is_requested(resource(Kind.TOPIC, {"deletionPolicy": "Delete"}))


def test_data_that_another_resource_has_or_that_it_never_had_are_retained() -> None:
    asked = resource(Kind.TOPIC, {"deletionPolicy": "Delete"})
    other = Key("streams", "other")
    assert deletion.reason_to_retain(asked, owner=None, had_it=True) is None
    assert deletion.reason_to_retain(asked, owner=None, had_it=False) == "this resource never had it"
    assert deletion.reason_to_retain(asked, owner=other, had_it=True) == "Topic streams/other has it too"
    retained = resource(Kind.TOPIC, {})
    assert deletion.reason_to_retain(retained, owner=None, had_it=True) == "deletionPolicy is Retain"


def test_a_deletion_that_fails_is_retried() -> None:
    gone = resource(Kind.TOPIC, {}, deletionTimestamp=DELETED)
    outcome = deletion.not_yet(gone, "topic orders", "no broker", at(60), PATIENCE)
    assert (outcome.released, outcome.retry) == (False, True)
    assert outcome.ready.reason == "DeletionPending"
    assert outcome.ready.message == "topic orders is not deleted yet, retrying for 240 s: no broker"


def test_a_deletion_is_abandoned_in_the_end_with_a_warning() -> None:
    gone = resource(Kind.TOPIC, {}, deletionTimestamp=DELETED)
    outcome = deletion.not_yet(gone, "topic orders", "no broker", at(300), PATIENCE)
    assert outcome.released
    [event] = outcome.events
    assert (event.type, event.reason) == ("Warning", "DeletionAbandoned")
    assert "within 300 s and was retained" in event.message


def test_the_older_of_two_resources_owns_the_topic() -> None:
    old = resource(Kind.TOPIC, {}, name="z")
    new = resource(Kind.TOPIC, {}, name="a", creationTimestamp="2026-01-31T12:00:01Z")
    assert owner_among([new, old]) == Key("shop", "z")
    assert owner_among([]) is None


def test_of_two_of_the_same_age_the_first_by_name_owns_it_and_a_deleted_one_owns_nothing() -> None:
    first = resource(Kind.TOPIC, {}, name="a")
    second = resource(Kind.TOPIC, {}, name="b")
    assert owner_among([second, first]) == first.key
    deleted = resource(Kind.TOPIC, {}, name="a", deletionTimestamp=DELETED)
    assert owner_among([second, deleted]) == second.key
    assert owner_among([deleted]) is None
