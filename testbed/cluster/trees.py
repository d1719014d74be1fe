"""Folders in which other programs may have mounted file systems.

`shutil.rmtree` would descend into a mounted `/proc`, or delete what a bind mount shows. Here a folder is
deleted only when nothing is mounted below it.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from procstream_common.errors import ProcstreamError


def unmount_below(folder: Path) -> None:
    """Unmount every file system at or below `folder`. Raises `ProcstreamError` when that fails."""
    for mount in _mounts_below(folder):
        # Lazily: a file that is still open must not keep it in the tree.
        result = subprocess.run(["umount", "--lazy", mount], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise ProcstreamError(f"{mount}: cannot be unmounted: {result.stderr.strip()}")


def remove(path: Path) -> None:
    """Delete a file, or a folder with all that is in it; a path that does not exist is no error.

    Raises `ProcstreamError`, and deletes nothing, when a file system stays mounted below.
    """
    if path.is_dir() and not path.is_symlink():
        unmount_below(path)
        if left := _mounts_below(path):
            raise ProcstreamError(f"{path}: not deleted, because a file system is mounted at {left[0]}")
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def temporary(parent: Path) -> Iterator[Path]:
    """A new folder in `parent`; `remove` deletes it afterwards."""
    folder = Path(tempfile.mkdtemp(dir=parent))
    try:
        yield folder
    finally:
        remove(folder)


def _mounts_below(folder: Path) -> list[Path]:
    """Mount points, the last mounted first: it may cover an earlier one."""
    real = os.path.realpath(folder)
    mounts = [Path(partition.mountpoint) for partition in psutil.disk_partitions(all=True)]
    return [mount for mount in reversed(mounts) if mount.is_relative_to(real)]
