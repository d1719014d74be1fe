"""Pipelines of the embedded stack: submitted, recorded, stopped, and resumed from their last checkpoint."""

from procstream_local.pipelines.jobs import job_state
from procstream_local.pipelines.lifecycle import (
    cancel,
    find,
    is_embedded,
    resume,
    run,
    stop,
)
from procstream_local.pipelines.restored_state import latest_state

__all__ = ["cancel", "find", "is_embedded", "job_state", "latest_state", "resume", "run", "stop"]
