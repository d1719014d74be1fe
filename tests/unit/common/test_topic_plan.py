from collections.abc import Mapping

import pytest
from procstream_common.provisioning import Refusal, TopicPlan, TopicSpec, TopicState, plan


def state(
    *, partitions: int = 3, replicas: int = 1, config: Mapping[str, str] = {}, overrides: tuple[str, ...] = ()
) -> TopicState:
    return TopicState(
        "id", partitions, replicas, (), {"retention.ms": "604800000", **config}, frozenset(overrides)
    )


def spec(*, partitions: int = 3, replicas: int = 1, config: Mapping[str, object] = {}) -> TopicSpec:
    return TopicSpec.model_validate(
        {"topicName": "t", "partitions": partitions, "replicationFactor": replicas, "config": config}
    )


def test_a_topic_that_is_absent_is_created() -> None:
    assert plan(spec(), None) == TopicPlan(create=True)


def test_a_topic_as_specified_is_left_alone() -> None:
    assert not plan(spec(config={"retention.ms": 604800000}), state())


def test_partitions_grow() -> None:
    steps = plan(spec(partitions=5), state(partitions=3))
    assert steps == TopicPlan(grow_to=5)
    assert steps


def test_partitions_do_not_shrink() -> None:
    steps = plan(spec(partitions=2), state(partitions=3))
    assert not steps
    assert steps.refusals[Refusal.PARTITIONS_CANNOT_SHRINK].endswith(
        "specify 3, or copy the records to a new topic"
    )


def test_a_replication_factor_is_left_as_it_is() -> None:
    steps = plan(spec(replicas=3, partitions=5), state(replicas=1))
    assert steps.grow_to == 5
    assert "has replication factor 1, expected 3" in steps.refusals[Refusal.REPLICATION_FACTOR_DIFFERS]


def test_a_setting_that_differs_is_set() -> None:
    steps = plan(spec(config={"retention.ms": "5", "segment.ms": 7}), state())
    assert steps == TopicPlan(set_config={"retention.ms": "5", "segment.ms": "7"})


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("compact, delete", "compact,delete"), ("0.50", "0.5"), ("True", "true"), ("1e3", "1000")],
)
def test_a_value_that_kafka_writes_in_another_way_is_the_same(wanted: str, found: str) -> None:
    assert not plan(spec(config={"some": wanted}), state(config={"some": found}))


@pytest.mark.parametrize(("wanted", "found"), [("delete", "compact,delete"), ("LZ4", "lz4"), ("nan", "nano")])
def test_a_value_that_means_something_else_is_set(wanted: str, found: str) -> None:
    assert plan(spec(config={"some": wanted}), state(config={"some": found})).set_config == {"some": wanted}


def test_a_setting_that_was_ours_is_reset_and_one_of_others_stays() -> None:
    found = state(
        config={"segment.ms": "7", "cleanup.policy": "compact"}, overrides=("segment.ms", "cleanup.policy")
    )
    assert plan(spec(), found, managed=("segment.ms",)) == TopicPlan(reset_config=("segment.ms",))


def test_a_setting_that_somebody_reset_already_needs_nothing() -> None:
    assert not plan(spec(), state(), managed=("segment.ms",))
