"""The edge to the storage of a lake: a local folder, or a prefix in an S3 bucket, by fsspec."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.fs
from fsspec.implementations.local import LocalFileSystem
from procstream_common import s3
from procstream_common.errors import NotFoundError, ProcstreamError, Server

_BATCH = 512
_S3_SCHEME = re.compile(r"^s3[an]?://")


class UnreadableError(ProcstreamError):
    """A local folder cannot be read, so its files are unknown."""

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

        Raises:
            UnreadableError: a local folder cannot be read.
            ServerError: the object store does not answer, refuses access or has no such bucket.
        """
        with self._failures():
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
        """The contents of the files; from an object store many at once."""
        for at in range(0, len(paths), _BATCH):
            batch = paths[at : at + _BATCH]
            with self._failures():
                if self.is_remote:
                    held = self.filesystem.cat([self.path(path) for path in batch])
                    yield from ((path, held[self.path(path)]) for path in batch)
                else:
                    yield from ((path, Path(self.path(path)).read_bytes()) for path in batch)

    def path(self, relative: str) -> str:
        """The path of the file in the file system."""
        return f"{self.root}/{relative}"

    def name(self, relative: str) -> str:
        """The path of the file for users: an absolute path, or `s3://…`."""
        path = self.path(relative)
        return str(self.filesystem.unstrip_protocol(path)) if self.is_remote else path

    @property
    def is_remote(self) -> bool:
        """Whether this is an object store, where a folder may not exist and requests are slow."""
        return not isinstance(self.filesystem, LocalFileSystem)

    def arrow(self) -> Any:
        """The same as a pyarrow.fs.FileSystem."""
        if not self.is_remote:
            return pyarrow.fs.LocalFileSystem()
        return pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(self.filesystem))

    @contextmanager
    def _failures(self) -> Iterator[None]:
        if self.is_remote:
            with s3.failures(self.uri):
                yield
            return
        try:
            yield
        except OSError as error:
            raise UnreadableError(f"{self.uri}: cannot be read ({error})") from error

    def _require_bucket(self) -> None:
        bucket = self.root.split("/", 1)[0]
        if not self.filesystem.exists(bucket):
            raise NotFoundError(Server.S3, f"{self.uri}: there is no bucket {bucket!r}")


def folder(uri: str, *, filesystem: fsspec.AbstractFileSystem | None = None) -> Folder:
    """The folder at a local path or `s3://bucket/prefix`.

    S3 is reached with the S3Settings of the environment unless `filesystem` is given.
    """
    plain = _S3_SCHEME.sub("s3://", uri).rstrip("/")
    if filesystem is None:
        filesystem = s3.filesystem() if plain.startswith("s3://") else fsspec.filesystem("file")
    return Folder(plain, filesystem, str(filesystem._strip_protocol(plain)))
