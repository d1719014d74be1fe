"""The state that a job starts from."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from procstream_common.errors import ProcstreamError
from procstream_job.submitting.flink import state
from procstream_job.submitting.flink.state import newest_checkpoint, starting_state
from py4j.protocol import Py4JJavaError

JOB = "s3://lake/flink/orders/checkpoints/abc"


@dataclass
class FakeFiles:
    """Flink's file system: paths of files with the times of their last change (ms)."""

    files: dict[str, int] = field(default_factory=dict)
    failure: Exception | None = None

    def exists(self, path: "FakePath") -> bool:
        if self.failure:
            raise self.failure
        return any(file == str(path) or file.startswith(f"{path}/") for file in self.files)

    def listStatus(self, path: "FakePath") -> list[Any]:  # noqa: N802 - Java's name
        names = {file.removeprefix(f"{path}/").split("/")[0] for file in self.files}
        return [SimpleNamespace(getPath=lambda name=name: FakePath(self, f"{path}/{name}")) for name in names]

    def getFileStatus(self, path: "FakePath") -> Any:  # noqa: N802
        return SimpleNamespace(getModificationTime=lambda: self.files[str(path)])


@dataclass
class FakePath:
    files: FakeFiles
    text: str

    def __str__(self) -> str:
        return self.text

    toString = __str__  # noqa: N815

    def getName(self) -> str:  # noqa: N802
        return self.text.rpartition("/")[2]

    def getFileSystem(self) -> FakeFiles:  # noqa: N802
        return self.files


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> FakeFiles:
    fake = FakeFiles()

    def path(parent: Any, child: str | None = None) -> FakePath:
        return FakePath(fake, f"{parent}/{child}" if child else str(parent))

    core = SimpleNamespace(fs=SimpleNamespace(Path=path))
    jvm = SimpleNamespace(org=SimpleNamespace(apache=SimpleNamespace(flink=SimpleNamespace(core=core))))
    monkeypatch.setattr(state, "_jvm", lambda: jvm)
    return fake


def complete(number: int) -> str:
    return f"{JOB}/chk-{number}/_metadata"


def test_the_newest_checkpoint_is_the_last_that_was_written_whatever_its_number(files: FakeFiles) -> None:
    files.files = {complete(9): 2_000, complete(10): 1_000, complete(2): 3_000, complete(1): 500}
    assert newest_checkpoint(JOB) == f"{JOB}/chk-2"


def test_an_incomplete_checkpoint_is_none(files: FakeFiles) -> None:
    files.files = {complete(1): 1_000, f"{JOB}/chk-2/part-1": 9_000}
    assert newest_checkpoint(JOB) == f"{JOB}/chk-1"


def test_other_folders_are_no_checkpoints(files: FakeFiles) -> None:
    files.files = {f"{JOB}/shared/_metadata": 9_000, f"{JOB}/taskowned/x": 9_000}
    assert newest_checkpoint(JOB) is None


def test_a_job_that_never_ran_has_no_folder(files: FakeFiles) -> None:
    files.files = {"s3://lake/other/chk-1/_metadata": 1}
    assert newest_checkpoint(JOB) is None


def test_a_retained_checkpoint_wins_over_the_savepoint_that_the_job_once_began_with(files: FakeFiles) -> None:
    files.files = {complete(4): 1_000}
    assert starting_state("s3://savepoint", JOB) == f"{JOB}/chk-4"


@pytest.mark.parametrize(
    ("savepoint", "resume", "expected"),
    [
        ("s3://savepoint", JOB, "s3://savepoint"),
        ("s3://savepoint", None, "s3://savepoint"),
        (None, JOB, None),
    ],
)
def test_without_a_checkpoint_the_savepoint_is_the_state(
    files: FakeFiles, savepoint: str | None, resume: str | None, expected: str | None
) -> None:
    files.files = {f"{JOB}/chk-1/part": 1}
    assert starting_state(savepoint, resume) == expected


def test_a_folder_that_cannot_be_read_starts_no_job_without_state(files: FakeFiles) -> None:
    error = Py4JJavaError.__new__(Py4JJavaError)
    error.java_exception = SimpleNamespace(toString=lambda: "AccessDenied")
    files.failure = error
    with pytest.raises(ProcstreamError, match=f"^{JOB}: cannot be read: AccessDenied$"):
        starting_state("s3://savepoint", JOB)
