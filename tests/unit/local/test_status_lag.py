from procstream_local.status.lag import total_lag

A0, A1, B0 = ("a", 0), ("a", 1), ("b", 0)


def test_lag_is_what_the_group_has_not_committed() -> None:
    assert total_lag({A0: 7, A1: 3}, earliest={A0: 0, A1: 0}, latest={A0: 10, A1: 3}) == 3


def test_before_the_first_commit_nothing_is_known() -> None:
    assert total_lag({}, earliest={A0: 0}, latest={A0: 10}) is None


def test_a_partition_without_a_commit_counts_from_its_start() -> None:
    assert total_lag({A0: 10}, earliest={A0: 0, A1: 2}, latest={A0: 10, A1: 6}) == 4


def test_records_that_retention_removed_do_not_count() -> None:
    assert total_lag({A0: 3}, earliest={A0: 8}, latest={A0: 10}) == 2


def test_topics_of_other_groups_and_offsets_beyond_the_end_do_not_count() -> None:
    assert total_lag({A0: 12}, earliest={A0: 0, B0: 0}, latest={A0: 10, B0: 100}) == 0
