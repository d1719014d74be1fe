from procstream_operator.controller import Kind
from procstream_operator.health import Health, missed
from procstream_operator.leadership import Observation

from tests.unit.custom_resources.resources import resource


def test_a_loop_that_stands_still_is_unhealthy() -> None:
    health = Health(last_turns={"Topic": 1000.0})
    assert health.judge(1299.0) == []
    assert health.judge(1301.0) == ["the loop of Topic has not come round for 301 s"]


def test_a_watch_that_brings_nothing_is_unhealthy_and_recovers() -> None:
    health = Health()
    health.note_list("Topic", missed=True, now=1000.0)
    health.note_list("Topic", missed=True, now=1060.0)
    assert health.judge(1080.0) == []
    assert "the watch of Topic has brought nothing for 91 s" in health.judge(1091.0)[0]
    health.note_list("Topic", missed=False, now=1092.0)
    assert health.judge(1093.0) == []


def test_what_two_lists_show_and_the_watch_does_not_is_missed() -> None:
    listed = resource(Kind.TOPIC, {}, generation=2)
    stale = resource(Kind.TOPIC, {}, generation=1)
    assert missed([listed], {listed.key: stale}, {listed.key: 2})
    assert missed([listed], {}, {listed.key: 2})
    assert not missed([listed], {listed.key: stale}, {listed.key: 1}), "it may be on its way"
    assert not missed([listed], {listed.key: listed}, {listed.key: 2})


def free(observed: Observation, *, holder: str | None, version: str = "1", now: float = 0.0) -> bool:
    return observed.is_free(version=version, holder=holder, duration=15, identity="me", now=now)


def test_a_lease_that_is_nobodys_or_ones_own_is_free() -> None:
    assert free(Observation(), holder=None)
    assert free(Observation(), holder="")
    assert free(Observation(), holder="me")


def test_a_lease_of_another_is_free_when_it_was_not_renewed() -> None:
    observed = Observation()
    assert not free(observed, holder="other", now=100.0)
    assert not free(observed, holder="other", now=114.0)
    assert not free(observed, holder="other", now=114.5, version="2"), "it was renewed"
    assert not free(observed, holder="other", now=129.0, version="2")
    assert free(observed, holder="other", now=130.0, version="2")
