"""Given a topic with these offsets and a lake with these files, then this is what can be said."""

from pathlib import Path

import pytest
from procstream_lineage.offsets import Runs, TopicPartition
from procstream_lineage.report import Verdict
from procstream_lineage.topic import GapReading

from tests.unit.lineage.synthetic_lake import HOUR, SyntheticLake, topic

ORDERS_0 = TopicPartition("orders", 0)
NEXT_HOUR = HOUR.replace("hour=03", "hour=04")


@pytest.mark.parametrize("deep", [False, True])
def test_every_offset_once_is_proven(lake: SyntheticLake, deep: bool) -> None:
    lake.write(1, {0: range(50), 1: range(20)})
    lake.write(2, {0: range(50, 100)})
    report = lake.verify(topic(100, 20), deep=deep)
    assert report.verdict is Verdict.PROVEN
    assert report.reasons == []
    assert (report.produced, report.committed, report.dropped) == (120, 120, 0)
    assert (report.checkpoints, report.files, report.deep) == (2, 2, deep)
    assert report.bytes > 0


def test_a_checkpoint_over_the_hour_is_two_files(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(0, 100, 2)}, folder=HOUR)
    lake.write(1, {0: range(1, 100, 2)}, folder=NEXT_HOUR)
    report = lake.verify(topic(100))
    assert report.verdict is Verdict.PROVEN
    assert (report.checkpoints, report.files) == (1, 2)


def test_dropped_records_count_in(lake: SyntheticLake) -> None:
    lake.write(1, {0: [*range(5), *range(6, 10)]})
    lake.drop(1, {0: [5]})
    report = lake.verify(topic(10))
    assert report.verdict is Verdict.PROVEN
    assert (report.produced, report.committed, report.dropped) == (10, 9, 1)


@pytest.mark.parametrize("deep", [False, True])
def test_an_offset_in_no_file_though_later_ones_are_is_missing(lake: SyntheticLake, deep: bool) -> None:
    lake.write(1, {0: range(40), 1: range(10)})
    lake.write(2, {0: range(50, 100)})
    report = lake.verify(topic(100, 10), deep=deep)
    assert report.verdict is Verdict.NOT_PROVEN
    assert (report.missing, report.pending) == (10, 0)
    assert report.samples["missing"] == ["orders/0:40-49"]
    assert [partition.missing for partition in report.partitions] == [10, 0]


def test_a_committed_file_that_was_deleted_is_named(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(40)})
    lost = lake.write(2, {0: range(40, 50)}, visible=False)
    lake.write(3, {0: range(50, 100)})
    report = lake.verify(topic(100))
    assert report.missing == 10
    assert lost.name in report.samples["missing"][0]
    assert report.evidence.settling == {}


def test_missing_offsets_of_the_newest_checkpoint_may_be_settling(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(40)})
    lake.write(2, {0: range(40, 50)}, visible=False)
    lake.write(2, {0: range(50, 100)})
    report = lake.verify(topic(100))
    assert report.evidence.settling == {ORDERS_0: Runs.between(40, 50)}


@pytest.mark.parametrize("deep", [False, True])
def test_an_offset_in_two_files_is_doubled(lake: SyntheticLake, deep: bool) -> None:
    one = lake.write(1, {0: range(60)})
    other = lake.write(2, {0: range(50, 100)})
    report = lake.verify(topic(100), deep=deep)
    assert report.verdict is Verdict.NOT_PROVEN
    assert (report.doubled, report.missing, report.committed, report.produced) == (10, 0, 100, 100)
    assert report.samples["doubled"][0].startswith("orders/0:50-59 (in ")
    assert one.name in report.samples["doubled"][0]
    assert other.name in report.samples["doubled"][0]


@pytest.mark.parametrize("deep", [False, True])
def test_an_offset_twice_in_one_file_is_doubled(lake: SyntheticLake, deep: bool) -> None:
    lake.write(1, {0: [*range(10), 4]})
    report = lake.verify(topic(10), deep=deep)
    assert (report.verdict, report.doubled) == (Verdict.NOT_PROVEN, 1)


def test_an_offset_in_output_and_dropped_is_doubled(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(10)})
    lake.drop(1, {0: [3, 4]})
    report = lake.verify(topic(10))
    assert (report.verdict, report.doubled, report.in_both) == (Verdict.NOT_PROVEN, 2, 2)


def test_an_offset_twice_in_dropped_is_doubled(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(9)})
    lake.drop(1, {0: [9]})
    lake.drop(2, {0: [9]})
    assert lake.verify(topic(10)).doubled == 1


@pytest.mark.parametrize("deep", [False, True])
def test_a_file_without_an_entry_is_unlogged_and_its_rows_do_not_count(
    lake: SyntheticLake, deep: bool
) -> None:
    lake.write(1, {0: range(10)})
    stray = lake.write(2, {0: range(5)}, logged=False)
    report = lake.verify(topic(10), deep=deep)
    assert (report.verdict, report.unlogged, report.doubled) == (Verdict.NOT_PROVEN, 1, 0)
    assert report.samples["unlogged"] == [f"{HOUR}/{stray.name}"]


def test_an_entry_without_its_file_belongs_to_a_failed_checkpoint(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(50)}, visible=False)
    lake.write(2, {0: range(50)})
    report = lake.verify(topic(50))
    assert (report.verdict, report.absent_entries, report.files) == (Verdict.PROVEN, 1, 1)


def test_an_entry_that_was_replayed_counts_once(lake: SyntheticLake) -> None:
    path = lake.write(1, {0: range(50)})
    lake.log(1, path, 50, {ORDERS_0: list(range(50))})
    report = lake.verify(topic(50))
    assert (report.verdict, report.replayed_entries, report.doubled) == (Verdict.PROVEN, 1, 0)


def test_entries_that_give_one_file_two_checkpoints_are_a_fault(lake: SyntheticLake) -> None:
    path = lake.write(1, {0: range(50)})
    lake.log(2, path, 50, {ORDERS_0: list(range(50))})
    report = lake.verify(topic(50))
    assert (report.verdict, report.conflicts) == (Verdict.NOT_PROVEN, 1)


def test_files_in_progress_are_ignored(lake: SyntheticLake) -> None:
    path = lake.write(1, {0: range(50)})
    (path.parent / ".part-9.parquet.inprogress.1").write_bytes(b"half")
    assert lake.verify(topic(50)).verdict is Verdict.PROVEN


def test_records_after_the_last_committed_one_are_pending(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(50)})
    report = lake.verify(topic(80, 5))
    assert (report.verdict, report.pending, report.missing) == (Verdict.UNKNOWN, 35, 0)
    assert report.produced == 85
    assert report.evidence.pending[ORDERS_0] == Runs.between(50, 80)


def test_pending_records_are_missing_when_no_job_continues(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(50)})
    report = lake.verify(topic(80, 5), final=True)
    assert (report.verdict, report.pending, report.missing) == (Verdict.NOT_PROVEN, 0, 35)


def test_an_offset_only_in_dropped_also_moves_the_last_committed_one(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(5)})
    lake.drop(1, {0: [9]})
    report = lake.verify(topic(10))
    assert (report.missing, report.pending) == (4, 0)


def test_offsets_without_a_record_are_not_expected(lake: SyntheticLake) -> None:
    lake.write(1, {0: [*range(50), *range(51, 99)]})
    markers = GapReading(empty={ORDERS_0: Runs.of([(50, 51), (99, 100)])})
    report = lake.verify(topic(100), gaps=markers)
    assert (report.verdict, report.produced, report.committed) == (Verdict.PROVEN, 98, 98)


def test_a_gap_that_could_not_be_read_in_time_is_undecided(lake: SyntheticLake) -> None:
    lake.write(1, {0: [*range(50), *range(60, 100)]})
    report = lake.verify(topic(100), gaps=GapReading(unread={ORDERS_0: Runs.between(50, 60)}))
    assert (report.verdict, report.missing, report.untold) == (Verdict.UNKNOWN, 0, 10)


def test_committed_records_that_the_topic_has_deleted_since_count_as_produced(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(50)})
    lake.write(2, {0: range(50, 100)})
    report = lake.verify(topic(100, start=30))
    assert (report.verdict, report.produced, report.committed) == (Verdict.PROVEN, 100, 100)


def test_holes_in_what_the_topic_has_deleted_are_undecided(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(10)})
    lake.write(2, {0: range(20, 100)})
    report = lake.verify(topic(100, start=30))
    assert (report.verdict, report.expired, report.missing) == (Verdict.UNKNOWN, 10, 0)


def test_what_was_committed_after_the_end_was_taken_is_left_out(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(120)})
    report = lake.verify(topic(100), high_watermarks={ORDERS_0: 150})
    assert (report.verdict, report.produced, report.committed) == (Verdict.PROVEN, 100, 100)


def test_offsets_that_the_topic_never_had_are_foreign(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(120), 7: range(3)})
    report = lake.verify(topic(100), high_watermarks={ORDERS_0: 110})
    assert (report.verdict, report.foreign) == (Verdict.NOT_PROVEN, 13)


def test_from_committed_expects_nothing_before_the_first_committed_record(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(40, 100)})
    assert lake.verify(topic(100)).missing == 40
    report = lake.verify(topic(100), from_committed=True)
    assert (report.verdict, report.produced, report.committed) == (Verdict.PROVEN, 60, 60)


def test_from_committed_waits_for_partitions_without_a_commit_and_is_undecided_in_the_end(
    lake: SyntheticLake,
) -> None:
    lake.write(1, {0: range(40, 100)})
    report = lake.verify(topic(100, 7), from_committed=True)
    assert (report.verdict, report.pending, report.untold) == (Verdict.UNKNOWN, 7, 0)
    report = lake.verify(topic(100, 7), from_committed=True, final=True)
    assert (report.verdict, report.pending, report.untold) == (Verdict.UNKNOWN, 0, 7)


def test_without_exact_ranges_only_deep_decides(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(0, 100, 2)}, ranges="~orders/0:0-98")
    lake.write(1, {0: range(1, 100, 2)})
    report = lake.verify(topic(100))
    assert (report.verdict, report.inexact, report.missing) == (Verdict.UNKNOWN, 1, 0)
    assert report.committed == 100
    assert any("use --deep" in reason for reason in report.reasons)
    assert lake.verify(topic(100), deep=True).verdict is Verdict.PROVEN


def test_outside_the_hull_of_inexact_ranges_missing_is_missing(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(0, 50, 2)}, ranges="~orders/0:0-48")
    lake.write(2, {0: range(60, 100)})
    report = lake.verify(topic(100))
    assert (report.verdict, report.missing) == (Verdict.NOT_PROVEN, 11)


def test_with_a_log_without_offsets_only_deep_decides(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(100)}, ranges="")
    report = lake.verify(topic(100))
    assert (report.verdict, report.untold, report.missing, report.committed) == (Verdict.UNKNOWN, 100, 0, 100)
    assert lake.verify(topic(100), deep=True).verdict is Verdict.PROVEN


def test_deep_counts_rows_of_another_checkpoint_than_their_file(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(100)}, row_checkpoint=2)
    assert lake.verify(topic(100)).verdict is Verdict.PROVEN
    report = lake.verify(topic(100), deep=True)
    assert (report.verdict, report.mismatched) == (Verdict.NOT_PROVEN, 100)


@pytest.mark.parametrize("ranges", ["orders/0:0-98", "orders/0:1-100", "orders/1:0-99"])
def test_deep_finds_a_log_with_other_offsets_than_the_rows(lake: SyntheticLake, ranges: str) -> None:
    lake.write(1, {0: range(100)}, ranges=ranges)
    report = lake.verify(topic(100), deep=True)
    assert (report.verdict, report.wrong_entries, report.missing) == (Verdict.NOT_PROVEN, 1, 0)


def test_deep_names_a_corrupt_file_and_what_it_held_is_missing(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(50)})
    bad = lake.write(2, {0: range(50, 60)})
    lake.write(3, {0: range(60, 100)})
    Path(bad).write_bytes(b"PAR1 but no more")
    report = lake.verify(topic(100), deep=True)
    assert (report.verdict, report.corrupt, report.missing) == (Verdict.NOT_PROVEN, 1, 10)
    assert bad.name in report.samples["corrupt"][0]


def test_two_topics_in_one_lake(lake: SyntheticLake) -> None:
    lake.write(1, {"orders/0": range(10), "returns/0": range(5)})
    both = lake.verify({**topic(10), **topic(5, name="returns")})
    assert (both.verdict, both.topic, both.produced) == (Verdict.PROVEN, "orders, returns", 15)
    one = lake.verify(topic(10))
    assert (one.verdict, one.produced, one.other_topics) == (Verdict.PROVEN, 10, {"returns": 5})


def test_nothing_at_all_is_no_proof(lake: SyntheticLake) -> None:
    report = lake.verify(topic(0))
    assert (report.verdict, report.reasons) == (Verdict.UNKNOWN, ["there is no commit log"])


def test_each_record_is_counted_once_somewhere(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(30)})
    lake.write(2, {0: range(40, 70)})
    lake.drop(2, {0: [35]})
    report = lake.verify(topic(100, start=10))
    assert report.produced == report.committed + report.dropped + report.missing + report.pending
