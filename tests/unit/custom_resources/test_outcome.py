from datetime import UTC, datetime

from procstream_operator.outcome import Outcome, Ready, ResourceEvent, events_of, retry_delay, status_changes
from procstream_operator.reasons import Reason
from procstream_operator.resource import Kind

from tests.unit.custom_resources.resources import CREATED, ready_status, resource

NOW = datetime(2026, 2, 1, tzinfo=UTC)
READY = Ready(Reason.TOPIC_READY, "fine")
CREATED_EVENT = ResourceEvent.of(Reason.CREATED, "created")


def test_the_first_status_has_the_condition_since_now() -> None:
    status = status_changes(resource(Kind.TOPIC, {}, generation=4), Outcome(READY, {"partitions": 3}), NOW)
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
    before = resource(Kind.TOPIC, {}, status=ready_status(reason="Adopted"))
    after = status_changes(before, Outcome(READY), NOW)
    assert after["conditions"][0]["lastTransitionTime"] == CREATED
    unknown = status_changes(before, Outcome(Ready(Reason.KAFKA_UNAVAILABLE, "")), NOW)
    assert unknown["conditions"][0]["status"] == "Unknown"
    assert unknown["conditions"][0]["lastTransitionTime"] == "2026-02-01T00:00:00Z"


def test_fields_stay_unless_they_are_removed() -> None:
    before = resource(Kind.TOPIC, {}, status={"topicId": "a", "managedConfig": ["x"]})
    after = status_changes(before, Outcome(READY, {"managedConfig": None}), NOW)
    assert "topicId" not in after
    assert after["managedConfig"] is None


def test_what_does_not_change_is_not_written() -> None:
    before = resource(Kind.TOPIC, {}, status={**ready_status(), "partitions": 3})
    same = Outcome(Ready(Reason.TOPIC_READY, ""), {"partitions": 3, "managedConfig": None})
    assert status_changes(before, same, NOW) == {}


def test_delays_double_up_to_a_minute() -> None:
    assert [retry_delay(attempts) for attempts in (0, 1, 2, 5, 6, 10**6)] == [1.0, 2.0, 4.0, 32.0, 60.0, 60.0]
    assert Outcome(READY, again_in=1.5).delay(7) == 1.5
    assert Outcome(READY).delay(0) is None


def test_an_unchanged_condition_is_no_event() -> None:
    before = resource(Kind.TOPIC, {}, status=ready_status())
    assert events_of(before, Outcome(READY)) == ()
    assert events_of(before, Outcome(READY, events=(CREATED_EVENT,))) == (CREATED_EVENT,)


def test_becoming_ready_is_no_event_when_another_one_explains_it() -> None:
    assert events_of(resource(Kind.TOPIC, {}), Outcome(READY, events=(CREATED_EVENT,))) == (CREATED_EVENT,)
    assert [event.reason for event in events_of(resource(Kind.TOPIC, {}), Outcome(READY))] == ["TopicReady"]


def test_a_problem_is_a_warning_and_progress_is_not() -> None:
    problem = events_of(resource(Kind.TOPIC, {}), Outcome(Ready(Reason.INVALID_CONFIG, "no")))
    step = events_of(resource(Kind.TOPIC, {}), Outcome(Ready(Reason.WAITING_FOR_TOPIC, "yet", underway=True)))
    assert [event.type for event in (*problem, *step)] == ["Warning", "Normal"]


def test_only_a_condition_of_the_current_specification_counts() -> None:
    assert resource(Kind.TOPIC, {}, status=ready_status()).is_ready
    assert not resource(Kind.TOPIC, {}, status=ready_status(), generation=2).is_ready
    assert not resource(Kind.TOPIC, {}, status=ready_status(status="Unknown")).is_ready
    assert not resource(Kind.TOPIC, {}, status=ready_status(), deletionTimestamp=CREATED).is_ready
    assert not resource(Kind.TOPIC, {}).is_ready
