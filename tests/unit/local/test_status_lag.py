from procstream_lineage.offsets import TopicPartition
from procstream_lineage.topic import Bounds
from procstream_local.status.lag import total_lag

A0, A1, B0 = TopicPartition("a", 0), TopicPartition("a", 1), TopicPartition("b", 0)


def test_lag_is_what_the_group_has_not_committed() -> None:
    assert total_lag({A0: 7, A1: 3}, {A0: Bounds(0, 10), A1: Bounds(0, 3)}) == 3


def test_before_the_first_commit_nothing_is_known() -> None:
    assert total_lag({}, {A0: Bounds(0, 10)}) is None


def test_a_partition_that_was_not_committed_counts_from_its_beginning() -> None:
    assert total_lag({A0: 10}, {A0: Bounds(0, 10), A1: Bounds(2, 6)}) == 4


def test_records_that_retention_removed_are_not_waited_for() -> None:
    assert total_lag({A0: 3}, {A0: Bounds(8, 10)}) == 2


def test_topics_of_other_groups_and_offsets_beyond_the_end_do_not_count() -> None:
    assert total_lag({A0: 12}, {A0: Bounds(0, 10), B0: Bounds(0, 100)}) == 0
