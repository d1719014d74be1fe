"""The state that a job starts from.

High availability forgets a job that has failed for good: one that cannot restore the state with its new plan,
or whose program failed. The checkpoint itself stays (`RETAIN_ON_CANCELLATION`), and so does its folder, when
Flink's own pointer to it is gone.
"""

from collections.abc import Iterator
from typing import Any

from procstream_common.errors import ProcstreamError


def starting_state(from_savepoint: str | None, resume: str | None) -> str | None:
    """URI of the savepoint or checkpoint that a job starts from; None to start without state.

    The newest checkpoint in the folder `resume` wins over `from_savepoint`. High availability wins over both:
    a job that it remembers resumes from its own last checkpoint.

    Raises:
        ProcstreamError: the folder cannot be read.
    """
    checkpoint = newest_checkpoint(resume) if resume else None
    return checkpoint or from_savepoint


def newest_checkpoint(folder: str) -> str | None:
    """URI of the newest complete checkpoint in a job's `folder`; None when there is none.

    Reads by the file systems of Flink's JVM, which must run: in an application cluster, those of the cluster.

    Raises:
        ProcstreamError: the folder cannot be read.
    """
    from py4j.protocol import Py4JJavaError

    try:
        return max(_complete(folder), default=(0, None))[1]
    except Py4JJavaError as error:
        raise ProcstreamError(f"{folder}: cannot be read: {error.java_exception.toString()}") from None


def _complete(folder: str) -> Iterator[tuple[int, str | None]]:
    """Time (ms since 1970) and URI of each; the numbers of checkpoints start again at 1 with a new job."""
    java_path = _jvm().org.apache.flink.core.fs.Path
    root: Any = java_path(folder)
    files = root.getFileSystem()
    if not files.exists(root):
        return
    for entry in files.listStatus(root):
        metadata = java_path(entry.getPath(), "_metadata")
        # Flink writes this file last: a checkpoint without it is incomplete.
        if entry.getPath().getName().startswith("chk-") and files.exists(metadata):
            yield files.getFileStatus(metadata).getModificationTime(), entry.getPath().toString()


def _jvm() -> Any:
    from pyflink.java_gateway import get_gateway

    return get_gateway().jvm
