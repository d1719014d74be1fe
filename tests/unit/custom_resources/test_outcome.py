from datetime import UTC, datetime

from procstream_operator.controller import Kind, Outcome, Ready, ResourceEvent
from procstream_operator.controller.outcome import events_of, status_of

from tests.unit.custom_resources.resources import CREATED, ready_status, resource

NOW = datetime(2026, 2, 1, tzinfo=UTC)
READY = Ready(True, "TopicReady", "fine")
CREATED_EVENT = ResourceEvent("Normal", "Created", "made")


def test_the_first_status_has_the_condition_since_now() -> None:
    status = status_of(resource(Kind.TOPIC, {}, generation=4), Outcome(READY, {"partitions": 3}), NOW)
    assert status == {
        "partitions": 3,
        "observedGeneration": 4,
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "observedGeneration": 4,
                "lastTransitionTime": "2026-02-01T00:00:00Z",
                "reason": "TopicReady",
                "message": "fine",
            }
        ],
    }


def test_the_transition_time_stays_while_the_status_does() -> None:
    before = resource(Kind.TOPIC, {}, status=ready_status())
    after = status_of(before, Outcome(Ready(True, "Other", "still fine")), NOW)
    assert after["conditions"][0]["lastTransitionTime"] == CREATED
    unknown = status_of(before, Outcome(Ready(None, "KafkaUnavailable", "")), NOW)
    assert unknown["conditions"][0]["status"] == "Unknown"
    assert unknown["conditions"][0]["lastTransitionTime"] == "2026-02-01T00:00:00Z"


def test_fields_stay_unless_they_are_removed() -> None:
    before = resource(Kind.TOPIC, {}, status={"topicId": "a", "managedConfig": ["x"]})
    after = status_of(before, Outcome(READY, {"managedConfig": None}), NOW)
    assert after["topicId"] == "a"
    assert "managedConfig" not in after


def test_an_unchanged_condition_tells_nothing() -> None:
    before = resource(Kind.TOPIC, {}, status=ready_status())
    assert events_of(before, Outcome(READY)) == ()
    assert events_of(before, Outcome(READY, events=(CREATED_EVENT,))) == (CREATED_EVENT,)


def test_becoming_ready_goes_without_saying_when_it_is_said_why() -> None:
    assert events_of(resource(Kind.TOPIC, {}), Outcome(READY, events=(CREATED_EVENT,))) == (CREATED_EVENT,)
    assert [event.reason for event in events_of(resource(Kind.TOPIC, {}), Outcome(READY))] == ["TopicReady"]


def test_a_problem_is_a_warning_and_a_step_on_the_way_is_not() -> None:
    problem = events_of(resource(Kind.TOPIC, {}), Outcome(Ready(False, "InvalidConfig", "no")))
    step = events_of(resource(Kind.TOPIC, {}), Outcome(Ready(False, "WaitingForTopic", "yet", underway=True)))
    assert [event.type for event in (*problem, *step)] == ["Warning", "Normal"]


def test_only_a_condition_of_the_present_specification_makes_ready() -> None:
    assert resource(Kind.TOPIC, {}, status=ready_status()).is_ready
    assert not resource(Kind.TOPIC, {}, status=ready_status(), generation=2).is_ready
    assert not resource(Kind.TOPIC, {}, status=ready_status(status="Unknown")).is_ready
    assert not resource(Kind.TOPIC, {}, status=ready_status(), deletionTimestamp=CREATED).is_ready
    assert not resource(Kind.TOPIC, {}).is_ready
