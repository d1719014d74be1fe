"""One submission as data, for a client in a process of its own: a request on stdin, an answer on stdout.

Flink's client is a JVM, which a command that lives on does not want in its own process. Errors and warnings
come back as fields. The pipeline is in the request as it was read and resolved, with the values of its
parameters, which may be secrets: a request belongs neither on a command line nor in a log.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TextIO

from procstream_common.errors import ProcstreamError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from procstream_job.file.model import Pipeline
from procstream_job.file.reading import PipelineFile
from procstream_job.submitting.flink_target import flink_target
from procstream_job.submitting.patience import Patience
from procstream_job.submitting.submission import SubmittedJob, submit


class SubmitRequest(BaseModel):
    """What a client needs to submit one pipeline, besides the environment with the connections."""

    model_config = ConfigDict(extra="forbid")

    file: str
    """What messages call the pipeline file."""
    folder: Path | None = None
    """Where its Python functions may be; None for a pipeline that ships."""
    pipeline: Pipeline = Field(repr=False)
    """Resolved: no reference to a parameter is left; parallelism and checkpoint interval are the job's."""
    overrides: dict[str, str] = Field({}, repr=False)
    """Options of Flink for the job, which win over those of the file."""
    from_savepoint: str | None = None
    """Savepoint or retained checkpoint to resume from."""
    patience: timedelta = timedelta(0)
    """How long to wait for Kafka, topics, schemas, Flink and its task slots."""

    @classmethod
    def of(
        cls,
        file: PipelineFile,
        *,
        overrides: Mapping[str, str] | None = None,
        from_savepoint: str | None = None,
        patience: timedelta = timedelta(0),
    ) -> "SubmitRequest":
        """The request for a pipeline file that was read."""
        return cls(
            file=file.label,
            folder=file.folder,
            pipeline=file.pipeline,
            overrides=dict(overrides or {}),
            from_savepoint=from_savepoint,
            patience=patience,
        )


class SubmitAnswer(BaseModel):
    """What became of a request: a job, or an error with the exit code that belongs to it."""

    model_config = ConfigDict(extra="forbid")

    job: SubmittedJob | None = None
    error: str | None = None
    exit_code: int = 0
    warnings: list[str] = []

    def submitted(self) -> SubmittedJob:
        """The job; raises the client's error as a `ProcstreamError`, with its exit code."""
        if self.job is None:
            error = ProcstreamError(self.error or "the Flink client returned no job")
            error.exit_code = self.exit_code
            raise error
        return self.job


def answer_stdin(env: Mapping[str, str]) -> None:
    """Read a request from stdin, submit it, write the answer to stdout and nothing else.

    What PyFlink, the JVM or a user's function print goes to stderr.
    """
    with _stdout_alone() as answers:
        answers.write(answer(sys.stdin.read(), env).model_dump_json() + "\n")


def answer(request: str, env: Mapping[str, str]) -> SubmitAnswer:
    """Submit the request, which is JSON; every `ProcstreamError` is in the answer."""
    warnings: list[str] = []
    try:
        job = _submit(_read(request), env, warnings.append)
    except ProcstreamError as error:
        return SubmitAnswer(error=str(error), exit_code=error.exit_code, warnings=warnings)
    return SubmitAnswer(job=job, warnings=warnings)


def _read(request: str) -> SubmitRequest:
    try:
        return SubmitRequest.model_validate_json(request)
    except ValidationError as error:
        # Neither the input nor the message, which may repeat it: there may be secrets in it.
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "content"
        raise ProcstreamError(f"stdin: {place}: {first['type']}; expected a request to submit") from None


def _submit(request: SubmitRequest, env: Mapping[str, str], warn: Callable[[str], None]) -> SubmittedJob:
    [job] = submit(
        [PipelineFile(request.file, request.pipeline, request.folder)],
        flink_target(env.get("FLINK_ADDRESS") or None, env),
        env,
        overrides=request.overrides,
        from_savepoint=request.from_savepoint,
        patience=Patience(request.patience),
        warn=warn,
    )
    return job


@contextmanager
def _stdout_alone() -> Iterator[TextIO]:
    """A stream to stdout that no other code has; file descriptor 1 is stderr meanwhile, for children too."""
    sys.stdout.flush()
    own = os.dup(1)
    os.dup2(2, 1)
    try:
        with os.fdopen(os.dup(own), "w") as stream:
            yield stream
    finally:
        sys.stdout.flush()
        os.dup2(own, 1)
        os.close(own)
