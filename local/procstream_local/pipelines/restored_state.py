"""The state that a pipeline resumes from."""

import struct
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlparse

from procstream_common.errors import ProcstreamError

from procstream_local.stack.home import Home
from procstream_local.stack.records import PipelineRecord

_HEADER = struct.Struct(">iiq")
"""Begins Flink's metadata: magic number, version, id of the checkpoint (`MetadataV2V3SerializerBase`)."""
_MAGIC = 0x4960672D


def latest_state(home: Home, pipeline: PipelineRecord) -> str | None:
    """URI of the state that the pipeline resumes from; None before its first checkpoint.

    It is the newest completed savepoint or checkpoint of its job, else the state that the job itself started
    from. A savepoint can be older than a checkpoint: Flink restarts a job that did not end after its
    savepoint. Both kinds share one sequence of ids. Raises `ProcstreamError` if metadata cannot be read.
    """
    savepoints = _completed(home.savepoints / pipeline.job_id, "savepoint-*")
    checkpoints = _completed(home.checkpoints / pipeline.job_id, "chk-*")
    newest = max((*savepoints, *checkpoints), key=_id, default=None)
    if newest is not None:
        return newest.parent.as_uri()
    earlier = pipeline.restored_from
    return earlier if earlier and Path(unquote(urlparse(earlier).path)).is_dir() else None


def _completed(folder: Path, pattern: str) -> Iterable[Path]:
    # Flink writes the metadata last: a folder without it was never completed.
    return folder.glob(f"{pattern}/_metadata")


def _id(metadata: Path) -> int:
    with metadata.open("rb") as file:
        header = file.read(_HEADER.size)
    if len(header) < _HEADER.size or _HEADER.unpack(header)[0] != _MAGIC:
        raise ProcstreamError(
            f"{metadata}: found no header of Flink's; expected the metadata of a checkpoint or savepoint"
        )
    return int(_HEADER.unpack(header)[2])
