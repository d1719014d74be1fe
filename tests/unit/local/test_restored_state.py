"""Which checkpoint or savepoint a pipeline resumes from, in folders as Flink leaves them."""

import struct
from pathlib import Path

import pytest
from procstream_common.errors import ProcstreamError
from procstream_local.pipelines import latest_state
from procstream_local.stack.home import Home
from procstream_local.stack.records import PipelineRecord

RECORD = PipelineRecord(name="p", source="p", job_id="a")


def metadata(folder: Path, number: int) -> Path:
    """A completed checkpoint or savepoint: its metadata begin with a magic number, a version and the id."""
    folder.mkdir(parents=True)
    (folder / "_metadata").write_bytes(struct.pack(">iiq", 0x4960672D, 4, number) + b"more")
    return folder


def checkpoint(home: Home, number: int, job: str = "a") -> str:
    return metadata(home.checkpoints / job / f"chk-{number}", number).as_uri()


def savepoint(home: Home, number: int, name: str = "savepoint-a-1") -> str:
    return metadata(home.savepoints / "a" / name, number).as_uri()


def test_the_newest_completed_checkpoint_by_its_number(tmp_path: Path) -> None:
    home = Home(tmp_path)
    checkpoint(home, 9)
    newest = checkpoint(home, 10)  # by name, chk-9 is the last
    (home.checkpoints / "a" / "chk-11").mkdir()  # Flink writes the metadata last
    assert latest_state(home, RECORD) == newest


def test_of_several_retained_checkpoints_never_an_older_one(tmp_path: Path) -> None:
    home = Home(tmp_path)
    uris = [checkpoint(home, number) for number in (12, 3, 25, 24)]
    assert latest_state(home, RECORD) == uris[2]


def test_an_incomplete_savepoint_is_not_used(tmp_path: Path) -> None:
    home = Home(tmp_path)
    newest = checkpoint(home, 9)
    (home.savepoints / "a" / "savepoint-a-1").mkdir(parents=True)
    assert latest_state(home, RECORD) == newest


def test_the_savepoint_of_a_stop_is_newer_than_the_checkpoints(tmp_path: Path) -> None:
    home = Home(tmp_path)
    checkpoint(home, 9)
    newest = savepoint(home, 10)
    assert latest_state(home, RECORD) == newest


def test_a_checkpoint_after_a_savepoint_is_newer(tmp_path: Path) -> None:
    home = Home(tmp_path)
    savepoint(home, 9)  # the job did not end after it: Flink restarted it
    newest = checkpoint(home, 10)
    assert latest_state(home, RECORD) == newest
    assert latest_state(home, RECORD.model_copy(update={"savepoint": "file:/older"})) == newest


def test_of_several_savepoints_the_newest_by_its_id(tmp_path: Path) -> None:
    home = Home(tmp_path)
    newest = savepoint(home, 7, "savepoint-a-0b")
    savepoint(home, 5, "savepoint-a-ff")
    assert latest_state(home, RECORD) == newest


def test_state_of_another_job_is_not_used(tmp_path: Path) -> None:
    home = Home(tmp_path)
    checkpoint(home, 50, job="b")
    own = checkpoint(home, 4)
    assert latest_state(home, RECORD) == own


def test_a_job_without_a_checkpoint_yet_resumes_from_the_state_that_it_started_from(tmp_path: Path) -> None:
    home = Home(tmp_path)
    start = checkpoint(home, 3)
    record = PipelineRecord(name="p", source="p", job_id="b", restored_from=start)
    assert latest_state(home, record) == start
    newer = checkpoint(home, 4, job="b")
    assert latest_state(home, record) == newer


def test_a_first_job_without_a_checkpoint_has_no_state(tmp_path: Path) -> None:
    assert latest_state(Home(tmp_path), RECORD) is None


@pytest.mark.parametrize("content", [b"", b"short", struct.pack(">iiq", 1, 4, 10)])
def test_metadata_that_cannot_be_read_are_an_error_and_not_a_start_without_state(
    tmp_path: Path, content: bytes
) -> None:
    home = Home(tmp_path)
    checkpoint(home, 9)
    (metadata(home.checkpoints / "a" / "chk-10", 10) / "_metadata").write_bytes(content)
    with pytest.raises(ProcstreamError, match=r"chk-10/_metadata: found no header of Flink's"):
        latest_state(home, RECORD)


def test_a_checkpoint_with_state_but_without_metadata_is_incomplete(tmp_path: Path) -> None:
    home = Home(tmp_path)
    newest = checkpoint(home, 9)
    for folder in (home.checkpoints / "a" / "chk-10", home.savepoints / "a" / "savepoint-a-2"):
        folder.mkdir(parents=True)
        (folder / "0b1c-state").write_bytes(b"the JobManager was killed before the metadata")
    assert latest_state(home, RECORD) == newest


def test_a_state_that_was_deleted_meanwhile_is_not_resumed_from(tmp_path: Path) -> None:
    deleted = (tmp_path / "elsewhere" / "savepoint-1").as_uri()
    assert latest_state(Home(tmp_path), RECORD.model_copy(update={"restored_from": deleted})) is None


def test_a_state_in_a_folder_with_spaces_is_resumed_from(tmp_path: Path) -> None:
    begin = metadata(tmp_path / "my save points" / "savepoint-1", 7).as_uri()
    record = RECORD.model_copy(update={"restored_from": begin})
    assert latest_state(Home(tmp_path), record) == begin
