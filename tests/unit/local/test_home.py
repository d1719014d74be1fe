import json
import os
import stat
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from procstream_common.errors import ProcstreamError
from procstream_local.stack.home import Home
from procstream_local.stack.records import ProcessRecord, RunOptions, StackRecord


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = StackRecord(ports={"kafka": 9092}, processes={"kafka": ProcessRecord(pid=1, create_time=2.5)})
    Home(tmp_path).write(record)
    assert Home(tmp_path).read() == record


def test_a_folder_where_nothing_was_started_has_an_empty_record(tmp_path: Path) -> None:
    assert Home(tmp_path / "new").read() == StackRecord()


@pytest.fixture
def open_umask() -> Iterator[None]:
    """New files are for everybody, unless the program wants something else."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("open_umask")
def test_only_its_user_can_read_a_stack(tmp_path: Path) -> None:
    home = Home(tmp_path / "new" / "stack")
    with home.locked():
        assert mode(home.path) == 0o700
    home.write(StackRecord())
    assert mode(home.path / "run" / "stack.json") == 0o600
    (home.path / "run" / "stack.json").chmod(0o644)
    home.write(StackRecord())
    assert mode(home.path / "run" / "stack.json") == 0o600
    other = Home(tmp_path / "other")
    other.write(StackRecord())
    assert mode(other.path) == 0o700


@pytest.mark.usefixtures("open_umask")
def test_a_folder_that_exists_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Home(tmp_path).write(StackRecord())
    assert mode(tmp_path) == 0o700


@pytest.mark.usefixtures("open_umask")
def test_a_folder_that_users_share_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)  # such as /tmp
    with pytest.raises(ProcstreamError, match=rf"^{tmp_path}: found a folder that users share; expected"):
        Home(tmp_path).create()
    assert mode(tmp_path) == 0o1777
    assert list(tmp_path.iterdir()) == []


def test_a_record_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    home.write(StackRecord(ports={"kafka": 1}))

    def crash(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", crash)
    with pytest.raises(KeyboardInterrupt):
        home.write(StackRecord(ports={"kafka": 2}))
    assert home.read().ports == {"kafka": 1}


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    Home(tmp_path).write(StackRecord())
    (tmp_path / "run" / "stack.json").write_text("{")
    with pytest.raises(ProcstreamError, match=r"stack\.json: not a record of a stack"):
        Home(tmp_path).read()


def test_two_commands_do_not_change_a_stack_at_once(tmp_path: Path) -> None:
    first, second = Home(tmp_path).locked(), Home(tmp_path).locked()
    with first, pytest.raises(ProcstreamError, match="another procstream command"), second:
        pass


def test_a_command_waits_for_a_short_change(tmp_path: Path) -> None:
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


def test_a_record_of_an_older_version_keeps_its_lake_paths(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.write(StackRecord())
    old = {"name": "p", "source": "p", "job_id": "a", "paths": {"OUTPUT_PATH": "/lake"}}
    (tmp_path / "run" / "stack.json").write_text(json.dumps({"pipelines": {"p": old}}))
    assert home.read().pipelines["p"].variables == {"OUTPUT_PATH": "/lake"}
    home.write(home.read())
    assert home.read().pipelines["p"].variables == {"OUTPUT_PATH": "/lake"}


def test_a_record_of_an_older_version_keeps_its_options(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.write(StackRecord())
    arguments = ["--parallelism", "3", "--checkpoint-interval=90s", "-Dpipeline.max-parallelism=8"]
    old = {"name": "p", "source": "p", "job_id": "a", "options": arguments}
    (tmp_path / "run" / "stack.json").write_text(json.dumps({"pipelines": {"p": old}}))
    expected = RunOptions(
        parallelism=3, checkpoint_interval=timedelta(seconds=90), flink={"pipeline.max-parallelism": "8"}
    )
    assert home.read().pipelines["p"].options == expected
    home.write(home.read())
    assert home.read().pipelines["p"].options == expected
