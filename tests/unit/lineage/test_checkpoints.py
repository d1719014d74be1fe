from procstream_lineage.checkpoints import checkpoint_files, checkpoints

from tests.unit.lineage.synthetic_lake import SyntheticLake


def test_a_checkpoint_has_the_files_that_its_log_names(lake: SyntheticLake) -> None:
    there = lake.write(4, {0: range(10)})
    absent = lake.write(4, {1: range(5)}, visible=False)
    bad = lake.drop(4, {0: [10]})
    lake.write(5, {0: range(11, 20)})
    files = checkpoint_files(lake.lake, 4)
    assert [(file.place, file.file, file.records, file.exists) for file in files] == [
        ("output", str(there), 10, True),
        ("output", str(absent), 5, False),
        ("dropped", str(bad), 1, True),
    ]
    assert files[0].size_bytes == there.stat().st_size
    assert files[1].size_bytes == 1234


def test_checkpoints_are_summed_up(lake: SyntheticLake) -> None:
    lake.write(4, {0: range(10)})
    lake.write(4, {1: range(5)}, visible=False)
    lake.write(12, {0: range(10, 14)})
    found = checkpoints(checkpoint_files(lake.lake))
    assert [(one.checkpoint_id, one.files, one.absent, one.records) for one in found] == [
        (4, 1, 1, 10),
        (12, 1, 0, 4),
    ]


def test_a_lake_without_a_checkpoint_has_no_files(lake: SyntheticLake) -> None:
    assert checkpoint_files(lake.lake) == []
