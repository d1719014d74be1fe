"""Submitting a pipeline in a process of its own: Flink's client is a JVM, and this command outlives it.

Request and answer are data: see `procstream_job.submitting.request`.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from procstream_common.errors import ProcstreamError
from procstream_job.submitting.request import SubmitAnswer, SubmitRequest
from procstream_job.submitting.submission import SubmittedJob
from pydantic import ValidationError


def submit(
    request: SubmitRequest, env: Mapping[str, str], *, warn: Callable[[str], None] = lambda _: None
) -> SubmittedJob:
    """Submit a pipeline with the connections in `env`. Raises `ProcstreamError` with the client's message."""
    client = Path(sys.executable).with_name("procstream-job")
    result = subprocess.run(
        [str(client), "submit"],
        input=request.model_dump_json(),
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        answer = SubmitAnswer.model_validate_json(result.stdout)
    except ValidationError:
        said = result.stderr.strip().splitlines() or ["it printed nothing"]
        raise ProcstreamError(
            f"{request.file}: the Flink client ended with exit code {result.returncode}"
            f" and without an answer: {said[-1]}"
        ) from None
    for warning in answer.warnings:
        warn(warning)
    return answer.submitted()
