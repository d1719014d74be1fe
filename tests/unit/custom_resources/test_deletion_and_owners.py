from datetime import UTC, datetime, timedelta

from procstream_operator import deletion
from procstream_operator.controller import Key, Kind
from procstream_operator.owners import owners
from procstream_operator.topics.outcome import topic_name

from tests.unit.custom_resources.resources import resource

DELETED = "2026-01-31T12:00:00Z"
PATIENCE = timedelta(minutes=5)


def at(seconds: int) -> datetime:
    return datetime(2026, 1, 31, 12, 0, tzinfo=UTC) + timedelta(seconds=seconds)


def test_data_are_retained_unless_told() -> None:
    assert not deletion.is_asked_for(resource(Kind.TOPIC, {}))
    assert not deletion.is_asked_for(resource(Kind.TOPIC, {"deletionPolicy": "Retain"}))
    assert deletion.is_asked_for(resource(Kind.TOPIC, {"deletionPolicy": "Delete"}))


def test_data_that_others_have_or_it_never_had_are_retained() -> None:
    asked = resource(Kind.TOPIC, {"deletionPolicy": "Delete"})
    other = Key("streams", "other")
    assert deletion.reason_to_retain(asked, owner=None, had_it=True) is None
    assert deletion.reason_to_retain(asked, owner=None, had_it=False) == "this resource never had it"
    assert deletion.reason_to_retain(asked, owner=other, had_it=True) == "Topic streams/other has it too"
    retained = resource(Kind.TOPIC, {})
    assert deletion.reason_to_retain(retained, owner=None, had_it=True) == "deletionPolicy is Retain"


def test_a_deletion_that_fails_is_tried_again() -> None:
    gone = resource(Kind.TOPIC, {}, deletionTimestamp=DELETED)
    outcome = deletion.not_yet(gone, "topic orders", "no broker", at(60), PATIENCE)
    assert (outcome.released, outcome.retry) == (False, True)
    assert outcome.ready.reason == "DeletionPending"
    assert outcome.ready.message == "topic orders is not deleted yet, and is left in 240 s: no broker"


def test_a_deletion_is_given_up_in_the_end_and_says_so() -> None:
    gone = resource(Kind.TOPIC, {}, deletionTimestamp=DELETED)
    outcome = deletion.not_yet(gone, "topic orders", "no broker", at(300), PATIENCE)
    assert outcome.released
    [event] = outcome.events
    assert (event.type, event.reason) == ("Warning", "DeletionAbandoned")
    assert "within 300 s and is left" in event.message


def test_the_older_of_two_resources_has_the_topic() -> None:
    old = resource(Kind.TOPIC, {"topicName": "t"}, name="z")
    new = resource(Kind.TOPIC, {"topicName": "t"}, name="a", creationTimestamp="2026-01-31T12:00:01Z")
    other = resource(Kind.TOPIC, {}, name="other")
    assert owners([new, old, other], topic_name) == {"t": Key("shop", "z"), "other": Key("shop", "other")}


def test_of_two_of_one_age_the_first_by_name_has_it_and_one_that_goes_has_nothing() -> None:
    first = resource(Kind.TOPIC, {"topicName": "t"}, name="a")
    second = resource(Kind.TOPIC, {"topicName": "t"}, name="b")
    assert owners([second, first], topic_name)["t"].name == "a"
    going = resource(Kind.TOPIC, {"topicName": "t"}, name="a", deletionTimestamp=DELETED)
    assert owners([second, going], topic_name)["t"].name == "b"
