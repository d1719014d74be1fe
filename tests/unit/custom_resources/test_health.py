from procstream_operator.health import Health, missed
from procstream_operator.resource import Kind

from tests.unit.custom_resources.resources import resource


def test_a_comparison_that_does_not_end_is_unhealthy() -> None:
    health = Health(resync=60.0, last_resync=1000.0)
    assert health.judge(1360.0) == []
    assert health.judge(1361.0) == ["the comparison of resources last ended 361 s ago"]


def test_a_watch_that_brings_nothing_is_unhealthy_and_recovers() -> None:
    health = Health(resync=60.0, last_resync=1000.0)
    health.note_list("Topic", missed=True, now=1000.0)
    health.note_list("Topic", missed=True, now=1060.0)
    assert health.judge(1080.0) == []
    assert "the watch of Topic has brought nothing for 91 s" in health.judge(1091.0)[0]
    health.note_list("Topic", missed=False, now=1092.0)
    assert health.judge(1093.0) == []


def test_what_two_lists_show_and_the_watch_has_not_brought_is_missed() -> None:
    listed = resource(Kind.TOPIC, {}, generation=2)
    stale = resource(Kind.TOPIC, {}, generation=1)
    assert missed([listed], {listed.key: stale}, {listed.key: 2})
    assert missed([listed], {}, {listed.key: 2})
    assert not missed([listed], {listed.key: stale}, {listed.key: 1}), "it may be on its way"
    assert not missed([listed], {listed.key: listed}, {listed.key: 2})
