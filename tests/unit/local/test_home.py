import json
import threading
from pathlib import Path

import pytest
from procstream_common.errors import ProcstreamError
from procstream_local.pipelines import latest_state
from procstream_local.stack.home import Home
from procstream_local.stack.records import PipelineRecord, ProcessRecord, StackRecord


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = StackRecord(ports={"kafka": 9092}, processes={"kafka": ProcessRecord(pid=1, create_time=2.5)})
    Home(tmp_path).write(record)
    assert Home(tmp_path).read() == record


def test_a_folder_where_nothing_was_started_has_an_empty_record(tmp_path: Path) -> None:
    assert Home(tmp_path / "new").read() == StackRecord()


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    Home(tmp_path).write(StackRecord())
    (tmp_path / "run" / "stack.json").write_text("{")
    with pytest.raises(ProcstreamError, match=r"stack\.json: not a record of a stack"):
        Home(tmp_path).read()


def test_two_commands_do_not_change_a_stack_at_once(tmp_path: Path) -> None:
    first, second = Home(tmp_path).locked(), Home(tmp_path).locked()
    with first, pytest.raises(ProcstreamError, match="another procstream command"), second:
        pass


def test_a_short_change_is_waited_for(tmp_path: Path) -> None:
    inside, leave = threading.Event(), threading.Event()

    def change() -> None:
        with Home(tmp_path).locked():
            inside.set()
            leave.wait()

    other = threading.Thread(target=change)
    other.start()
    inside.wait()
    threading.Timer(0.1, leave.set).start()
    with Home(tmp_path).locked(patience=10):
        other.join()


def checkpoint(home: Home, job: str, number: int, *, completed: bool) -> None:
    folder = home.checkpoints / job / f"chk-{number}"
    folder.mkdir(parents=True)
    if completed:
        (folder / "_metadata").touch()


def test_the_newest_completed_checkpoint_is_gone_on_from(tmp_path: Path) -> None:
    home = Home(tmp_path)
    checkpoint(home, "a", 9, completed=True)
    checkpoint(home, "a", 10, completed=True)
    checkpoint(home, "a", 11, completed=False)
    record = PipelineRecord(name="p", source="p", job_id="a")
    assert latest_state(home, record) == (home.checkpoints / "a" / "chk-10").as_uri()


def test_a_job_without_a_checkpoint_yet_goes_on_from_where_it_began(tmp_path: Path) -> None:
    home = Home(tmp_path)
    checkpoint(home, "a", 3, completed=True)
    begin = (home.checkpoints / "a" / "chk-3").as_uri()
    record = PipelineRecord(name="p", source="p", job_id="b", restored_from=begin)
    assert latest_state(home, record) == begin


def test_a_first_job_without_a_checkpoint_has_none(tmp_path: Path) -> None:
    assert latest_state(Home(tmp_path), PipelineRecord(name="p", source="p", job_id="a")) is None


def test_what_a_pipeline_was_stopped_with_is_newer_than_its_checkpoints(tmp_path: Path) -> None:
    home = Home(tmp_path)
    checkpoint(home, "a", 9, completed=True)
    record = PipelineRecord(name="p", source="p", job_id="a")
    incomplete = home.savepoints / "a" / "savepoint-a-1"
    incomplete.mkdir(parents=True)
    assert latest_state(home, record) == (home.checkpoints / "a" / "chk-9").as_uri()
    savepoint = home.savepoints / "a" / "savepoint-a-2"
    savepoint.mkdir()
    (savepoint / "_metadata").touch()
    assert latest_state(home, record) == savepoint.as_uri()


def test_a_record_of_an_older_version_keeps_its_lake_paths(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.write(StackRecord())
    old = {"name": "p", "source": "p", "job_id": "a", "paths": {"OUTPUT_PATH": "/lake"}}
    (tmp_path / "run" / "stack.json").write_text(json.dumps({"pipelines": {"p": old}}))
    assert home.read().pipelines["p"].variables == {"OUTPUT_PATH": "/lake"}
    home.write(home.read())
    assert home.read().pipelines["p"].variables == {"OUTPUT_PATH": "/lake"}
