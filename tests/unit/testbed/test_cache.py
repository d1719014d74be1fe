"""Builds that are kept: built once, by one process at a time, and never half."""

import threading
from pathlib import Path

import pytest
from procstream_common.errors import ProcstreamError

from testbed.cluster import cache


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cache, "FOLDER", tmp_path / "kept")
    return tmp_path / "kept"


def test_what_is_built_is_kept(folder: Path) -> None:
    built = [cache.built("thing-1", "a thing", lambda path: path.write_text("first") and None) for _ in "ab"]
    assert built == [folder / "thing-1"] * 2
    assert (folder / "thing-1").read_text() == "first"


def test_an_interrupted_build_leaves_nothing_and_is_repeated(folder: Path) -> None:
    def interrupted(path: Path) -> None:
        path.mkdir()
        (path / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.built("thing-1", "a thing", interrupted)
    assert [path.name for path in folder.iterdir()] == ["locks"]
    # A killed process cannot clean up; the next build does.
    (folder / "thing-1.999").mkdir()
    cache.built("thing-1", "a thing", lambda path: path.touch())
    assert not (folder / "thing-1.999").exists()


def test_two_that_need_the_same_thing_build_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    began, waits, may_end = threading.Event(), threading.Event(), threading.Event()
    monkeypatch.setattr(cache, "_say", lambda text: waits.set() if "waiting for" in text else None)
    builds = []

    def slow(path: Path) -> None:
        builds.append(path)
        began.set()
        assert may_end.wait(10)
        path.touch()

    threads = [threading.Thread(target=cache.built, args=("thing-1", "a thing", slow)) for _ in range(2)]
    threads[0].start()
    assert began.wait(10)
    threads[1].start()
    assert waits.wait(10)
    # Another thing is built meanwhile.
    cache.built("thing-2", "another thing", lambda path: path.touch())
    may_end.set()
    for thread in threads:
        thread.join(10)
    assert len(builds) == 1


def test_a_key_changes_with_texts_names_and_contents(tmp_path: Path) -> None:
    source = tmp_path / "sources"
    source.mkdir()
    (source / "a").write_text("1")
    keys = [cache.key("text", source), cache.key("other text", source)]
    (source / "a").write_text("2")
    keys.append(cache.key("text", source))
    (source / "a").rename(source / "b")
    keys.append(cache.key("text", source))
    assert len(set(keys)) == 4
    assert keys[-1] == cache.key("text", source)


def test_a_step_that_fails_is_reported_with_its_last_line_and_its_log(folder: Path) -> None:
    script = "echo first; echo the cause >&2; exit 3"
    with pytest.raises(
        ProcstreamError, match=r"the image x/y:1: sh failed: the cause \(.*logs/the-image-x-y-1"
    ):
        cache.run("the image x/y:1", ["sh", "-c", script])
    [log] = (folder / "logs").iterdir()
    assert "first\nthe cause" in log.read_text()
