"""The edge to where a lake is kept: a local folder, or a prefix in an S3 bucket, seen through fsspec."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.fs
from botocore.exceptions import BotoCoreError, ClientError
from fsspec.implementations.local import LocalFileSystem
from procstream_common.errors import ProcstreamError
from procstream_common.settings import S3Settings, load

_BATCH = 512
_S3_SCHEME = re.compile(r"^s3[an]?://")


class StorageError(ProcstreamError):
    """A folder or bucket cannot be read, so nothing can be said about what is in it."""

    exit_code = 2


@dataclass(frozen=True)
class StoredFile:
    """A file below a folder: its path relative to the folder, and its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True)
class Folder:
    """A folder of files that never change once they are visible."""

    uri: str
    filesystem: fsspec.AbstractFileSystem
    root: str

    def files(self) -> list[StoredFile]:
        """All files below, sorted by path; none if the folder does not exist (yet).

        Raises StorageError when the storage does not answer, refuses access or has no such bucket.
        """
        with self._failures_named():
            try:
                found = self.filesystem.find(self.root, detail=True)
            except FileNotFoundError:
                found = {}
            if not found and self.is_remote:
                self._require_bucket()
        prefix = len(self.root) + 1
        files = (StoredFile(path[prefix:], int(info["size"])) for path, info in found.items())
        return sorted((file for file in files if file.path), key=lambda file: file.path)

    def contents(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """What the files hold, many at once where the storage is far away."""
        for at in range(0, len(paths), _BATCH):
            batch = paths[at : at + _BATCH]
            with self._failures_named():
                if self.is_remote:
                    held = self.filesystem.cat([self.path(path) for path in batch])
                    yield from ((path, held[self.path(path)]) for path in batch)
                else:
                    yield from ((path, Path(self.path(path)).read_bytes()) for path in batch)

    def path(self, relative: str) -> str:
        """Where the file is, as the file system names it."""
        return f"{self.root}/{relative}"

    def name(self, relative: str) -> str:
        """Where the file is, as a person would write it: an absolute path, or `s3://…`."""
        path = self.path(relative)
        return str(self.filesystem.unstrip_protocol(path)) if self.is_remote else path

    @property
    def is_remote(self) -> bool:
        """Whether this is an object store, where a folder need not exist and a request is slow."""
        return not isinstance(self.filesystem, LocalFileSystem)

    def arrow(self) -> Any:
        """The same as a pyarrow.fs.FileSystem."""
        if not self.is_remote:
            return pyarrow.fs.LocalFileSystem()
        return pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(self.filesystem))

    def _require_bucket(self) -> None:
        bucket = self.root.split("/", 1)[0]
        if not self.filesystem.exists(bucket):
            raise StorageError(f"{self.uri}: there is no bucket {bucket!r}")

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise StorageError(f"{self.uri}: access is refused ({error})") from error
        except (OSError, BotoCoreError, ClientError) as error:
            raise StorageError(f"{self.uri}: cannot be read ({error})") from error


def folder(uri: str, *, filesystem: fsspec.AbstractFileSystem | None = None) -> Folder:
    """The folder at a local path or `s3://bucket/prefix`.

    S3 is reached as S3Settings in the environment say, unless `filesystem` is given.
    """
    plain = _S3_SCHEME.sub("s3://", uri).rstrip("/")
    if filesystem is None:
        filesystem = _s3() if plain.startswith("s3://") else fsspec.filesystem("file")
    return Folder(plain, filesystem, str(filesystem._strip_protocol(plain)))


def _s3() -> fsspec.AbstractFileSystem:
    """No cached listings: files appear while we look. No read-ahead: Parquet asks for the ranges it needs."""
    options = load(S3Settings).s3fs()
    return fsspec.filesystem("s3", **options, use_listings_cache=False, default_cache_type="none")
