"""Checkpoints that are still there when Flink's own pointer to them is not.

High availability forgets a job that has failed for good: one whose new plan does not take its state, or whose
program could not be run. The checkpoint itself stays (`RETAIN_ON_CANCELLATION`), and so does its folder.
"""

from collections.abc import Iterator
from typing import Any

from procstream_common.errors import ProcstreamError


def newest_checkpoint(folder: str) -> str | None:
    """URI of the newest complete checkpoint in a job's `folder`; None when there is none.

    Asks the file systems of Flink's JVM, which has to run: in an application cluster those of the cluster.

    Raises:
        ProcstreamError: the folder cannot be read.
    """
    from py4j.protocol import Py4JJavaError

    try:
        return max(_complete(folder), default=(0, None))[1]
    except Py4JJavaError as error:
        raise ProcstreamError(f"{folder}: cannot be read: {error.java_exception.toString()}") from None


def _complete(folder: str) -> Iterator[tuple[int, str | None]]:
    """Time (ms since 1970) and URI of each; numbers begin anew when a job does."""
    from pyflink.java_gateway import get_gateway

    java_path = get_gateway().jvm.org.apache.flink.core.fs.Path
    root: Any = java_path(folder)
    files = root.getFileSystem()
    if not files.exists(root):
        return
    for entry in files.listStatus(root):
        metadata = java_path(entry.getPath(), "_metadata")
        # The last thing that is written of a checkpoint.
        if entry.getPath().getName().startswith("chk-") and files.exists(metadata):
            yield files.getFileStatus(metadata).getModificationTime(), entry.getPath().toString()
