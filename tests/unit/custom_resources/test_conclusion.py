"""What kopf is told after an attempt: another one, and when; and what is written."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import kopf
import pytest
from procstream_common.errors import Server, UnavailableError
from procstream_operator.handlers import conclusion
from procstream_operator.metrics import Metrics
from procstream_operator.outcome import Outcome, Ready, ResourceEvent, status_changes
from procstream_operator.reasons import Reason
from procstream_operator.resource import Kind

from tests.unit.custom_resources.resources import CREATED, ready_status, resource

READY = Outcome(Ready(Reason.TOPIC_READY, "fine"))
UNAVAILABLE = Outcome(Ready(Reason.KAFKA_UNAVAILABLE, "no broker"), retry=True)


class Concluded:
    """Concludes attempts, and notes the events that kopf is asked to post."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[tuple[str, str]] = []
        self.metrics = Metrics()
        monkeypatch.setattr(kopf, "event", self._event)

    def __call__(
        self,
        attempt: Awaitable[Outcome],
        *,
        retry: int = 0,
        status: dict[str, object] | None = None,
    ) -> kopf.Patch:
        """The patch. Raises what the handler raises."""
        patch = kopf.Patch()
        asyncio.run(self._conclude(attempt, retry, status or {}, patch))
        return patch

    async def _conclude(
        self, attempt: Awaitable[Outcome], retry: int, status: dict[str, object], patch: kopf.Patch
    ) -> None:
        await conclusion.conclude(
            attempt,
            resource(Kind.TOPIC, {}, status=status),
            body=kopf.Body({}),
            patch=patch,
            retry=retry,
            metrics=self.metrics,
        )

    def _event(self, _body: object, *, type: str, reason: str, message: str) -> None:  # noqa: A002 - kopf's
        self.events.append((type, reason))

    def delay(self, attempt: Awaitable[Outcome], *, retry: int = 0) -> float | None:
        """Seconds until the next attempt."""
        with pytest.raises(kopf.TemporaryError) as raised:
            self(attempt, retry=retry)
        return raised.value.delay


@pytest.fixture
def conclude(monkeypatch: pytest.MonkeyPatch) -> Concluded:
    return Concluded(monkeypatch)


async def ending_with(outcome: Outcome | Exception) -> Outcome:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def test_success_ends_the_attempts_and_is_written_once(conclude: Concluded) -> None:
    patch = conclude(ending_with(READY))
    assert patch["status"]["conditions"][0]["reason"] == "TopicReady"
    assert conclude.events == [("Normal", "TopicReady")]


def test_what_has_not_changed_is_not_written(conclude: Concluded) -> None:
    before = ready_status()
    before["conditions"][0]["message"] = "fine"
    assert not conclude(ending_with(READY), status=before)
    assert conclude.events == []


def test_a_status_that_changes_contains_only_the_changes() -> None:
    before = resource(Kind.TOPIC, {}, status={**ready_status(), "partitions": 3})
    outcome = replace(READY, status={"partitions": 3, "topicId": "a"})
    changes = status_changes(before, outcome, before.created)
    assert changes.keys() == {"conditions", "topicId"}
    assert changes["conditions"][0]["lastTransitionTime"] == CREATED


@pytest.mark.parametrize(
    "outcome",
    [UNAVAILABLE, RuntimeError("a defect"), UnavailableError(Server.KUBERNETES, "no answer")],
    ids=["an outcome to retry", "an internal error", "an API server that is unavailable"],
)
def test_the_delay_grows_with_every_attempt_and_the_attempts_never_end(
    conclude: Concluded, outcome: Outcome | Exception
) -> None:
    delays = [conclude.delay(ending_with(outcome), retry=retry) for retry in (0, 1, 2, 6, 10_000)]
    assert delays == [1.0, 2.0, 4.0, 60.0, 60.0]


def test_leaders_are_waited_for_without_a_growing_delay(conclude: Concluded) -> None:
    waiting = Outcome(Ready(Reason.WAITING_FOR_LEADERS, "partition 0", underway=True), again_in=1.0)
    assert [conclude.delay(ending_with(waiting), retry=retry) for retry in (0, 9)] == [1.0, 1.0]
    assert conclude.events == [("Normal", "WaitingForLeaders")] * 2


def test_a_failure_is_written_before_it_is_retried(conclude: Concluded) -> None:
    patch = kopf.Patch()
    with pytest.raises(kopf.TemporaryError, match="KafkaUnavailable: no broker"):
        asyncio.run(conclude._conclude(ending_with(UNAVAILABLE), 0, {}, patch))
    assert patch["status"]["conditions"][0]["reason"] == "KafkaUnavailable"
    assert conclude.events == [("Warning", "KafkaUnavailable")]


def test_nothing_is_written_when_the_api_server_is_unavailable(conclude: Concluded) -> None:
    patch = kopf.Patch()
    with pytest.raises(kopf.TemporaryError):
        asyncio.run(
            conclude._conclude(ending_with(UnavailableError(Server.KUBERNETES, "no answer")), 0, {}, patch)
        )
    assert not patch
    assert conclude.events == []


def test_a_resource_that_is_released_has_an_event_and_no_status(conclude: Concluded) -> None:
    event = ResourceEvent.of(Reason.DELETION_ABANDONED, "abandoned")
    released = Outcome(Ready(Reason.DELETION_PENDING, "x"), events=(event,), released=True)
    assert not conclude(ending_with(released))
    assert conclude.events == [("Warning", "DeletionAbandoned")]


def test_attempts_are_counted_by_their_result(conclude: Concluded) -> None:
    conclude(ending_with(READY))
    conclude.delay(ending_with(UNAVAILABLE))
    text = conclude.metrics.text().decode()
    assert 'reconciliations_total{kind="Topic",result="done"} 1.0' in text
    assert 'reconciliations_total{kind="Topic",result="retry"} 1.0' in text
