"""Folders with mounts in them: what is mounted is never deleted and never archived."""

import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from procstream_common.errors import ProcstreamError

from testbed.cluster import cache, debian, trees


def mount(*arguments: object) -> None:
    """`mount`, or skip the test where this process may not mount."""
    result = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        pytest.skip(f"needs the right to mount: {result.stderr.strip()}")


def bind(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    mount("--bind", source, target)


@pytest.fixture(autouse=True)
def _unmounted(tmp_path: Path) -> Iterator[None]:
    """A test that fails leaves no mount, into which pytest would descend when it deletes old folders."""
    yield
    mounts = [partition.mountpoint for partition in psutil.disk_partitions(all=True)]
    for left in reversed([mount for mount in mounts if Path(mount).is_relative_to(tmp_path)]):
        # With shared mounts, one may already be gone with another.
        subprocess.run(["umount", "--lazy", left], capture_output=True, check=False)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder that is only mounted, with a file that must survive."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "kept").write_text("kept")
    return folder


def test_a_folder_is_deleted_with_its_files_and_links(tmp_path: Path, elsewhere: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "file").touch()
    (folder / "link").symlink_to(elsewhere)
    trees.remove(folder)
    assert not folder.exists()
    assert (elsewhere / "kept").exists()


def test_a_path_that_does_not_exist_is_no_error(tmp_path: Path) -> None:
    trees.remove(tmp_path / "nothing")


def test_a_link_to_a_folder_is_deleted_and_the_folder_is_not(tmp_path: Path, elsewhere: Path) -> None:
    (tmp_path / "link").symlink_to(elsewhere)
    trees.remove(tmp_path / "link")
    assert not (tmp_path / "link").is_symlink()
    assert (elsewhere / "kept").exists()


def test_a_bind_mount_is_unmounted_before_the_folder_is_deleted(tmp_path: Path, elsewhere: Path) -> None:
    folder = tmp_path / "folder"
    bind(elsewhere, folder / "deep" / "bound")
    mount("-t", "tmpfs", "tmpfs", folder / "deep" / "bound")  # on top of the first
    trees.remove(folder)
    assert not folder.exists()
    assert (elsewhere / "kept").read_text() == "kept"


def test_a_mount_in_a_mount_is_unmounted_first(tmp_path: Path, elsewhere: Path) -> None:
    (elsewhere / "inner").mkdir()
    bind(elsewhere, tmp_path / "folder" / "bound")
    mount("-t", "tmpfs", "tmpfs", tmp_path / "folder" / "bound" / "inner")
    trees.remove(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
    assert (elsewhere / "kept").exists()


def test_a_file_that_is_still_open_keeps_no_mount(tmp_path: Path, elsewhere: Path) -> None:
    bind(elsewhere, tmp_path / "folder" / "bound")
    with (tmp_path / "folder" / "bound" / "kept").open() as file:
        trees.remove(tmp_path / "folder")
        assert file.read() == "kept"
    assert not (tmp_path / "folder").exists()


def test_a_temporary_folder_leaves_what_is_mounted_in_it(tmp_path: Path, elsewhere: Path) -> None:
    with trees.temporary(tmp_path) as folder:
        bind(elsewhere, folder / "root" / "proc")
    assert not folder.exists()
    assert (elsewhere / "kept").exists()


def test_nothing_is_deleted_when_a_mount_stays(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    bind(elsewhere, folder / "bound")
    (folder / "file").touch()
    with monkeypatch.context() as patch:
        patch.setattr(trees, "unmount_below", lambda _: None)
        with pytest.raises(ProcstreamError, match=f"not deleted, because .* at {folder}/bound"):
            trees.remove(folder)
    assert (folder / "file").exists()
    assert (elsewhere / "kept").exists()
    trees.remove(folder)


def test_a_mount_beside_the_folder_is_left_alone(tmp_path: Path, elsewhere: Path) -> None:
    beside = tmp_path / "folder-2"
    bind(elsewhere, beside)
    (tmp_path / "folder").mkdir()
    trees.remove(tmp_path / "folder")
    assert (beside / "kept").exists()
    trees.unmount_below(beside)


def test_the_debian_archive_has_nothing_of_what_debootstrap_left_mounted(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = cache.run

    def fake(what: str, argv: Sequence[str], **options: Any) -> None:
        if argv[0] != "debootstrap":
            return run(what, argv, **options)
        root = Path(argv[-1])
        for name in ("usr/share/doc/bash", "var/cache/apt", "var/lib/apt/lists", "var/log", "tmp", "dev"):
            (root / name).mkdir(parents=True)
        (root / "etc").mkdir()
        (root / "etc/os-release").write_text("Debian")
        (root / "usr/share/doc/bash/README").touch()
        (root / "dev/null").touch()
        (root / "sys").mkdir()
        (root / "sys/left").touch()
        bind(elsewhere, root / "proc")
        bind(elsewhere, root / "var/log")
        return None

    monkeypatch.setattr(cache, "FOLDER", tmp_path / "cache")
    monkeypatch.setattr(cache, "run", fake)
    debian.make_root(tmp_path / "root.tar")

    with tarfile.open(tmp_path / "root.tar") as archive:
        names = set(archive.getnames())
    assert {"./proc", "./sys", "./dev", "./etc/os-release"} <= names
    assert not [name for name in names if name.startswith(("./proc/", "./sys/", "./dev/"))]
    assert "./usr/share/doc/bash/README" not in names
    assert not [name for name in names if name.endswith("kept")]
    assert (elsewhere / "kept").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "elsewhere", "root.tar"]
