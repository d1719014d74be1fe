"""From pipeline files to running jobs: plan, wait for task slots, submit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from procstream_common.errors import Server, UnavailableError

from procstream_job.file.reading import PipelineFile
from procstream_job.language.mistakes import in_file
from procstream_job.plan.job_plan import JobPlan
from procstream_job.submitting.flink_target import FlinkTarget, slots
from procstream_job.submitting.patience import Patience
from procstream_job.submitting.plans import plan_jobs


class TooFewSlotsError(UnavailableError):
    """The cluster answers, but the jobs would wait for task slots."""


@dataclass(frozen=True)
class SubmittedJob:
    """A job that Flink has accepted, and where its rows go."""

    pipeline: str
    job_id: str
    destinations: tuple[str, ...]


def submit(
    files: Sequence[PipelineFile],
    target: FlinkTarget,
    env: Mapping[str, str],
    *,
    overrides: Mapping[str, str] | None = None,
    from_savepoint: str | None = None,
    resume: str | None = None,
    patience: Patience | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> Iterator[SubmittedJob]:
    """Start a job for each of `files`, one after the other; yields each as soon as Flink has accepted it.

    Raises what `plan_jobs` and `FlinkSession.submit` raise, and `UnavailableError`.
    """
    from procstream_job.submitting.flink.session import FlinkSession  # PyFlink is an optional dependency

    patience = patience or Patience()
    with FlinkSession(target, env) as session:
        if patience.timeout:
            session.start()  # meanwhile; without patience, a mistake should not wait for the client
        plans = plan_jobs(files, env, overrides=overrides, patience=patience)
        try:
            patience.until(lambda: _check_slots(target, plans))
        except TooFewSlotsError as error:
            warn(f"{error}; the jobs wait until there are more")
        for file, plan in plans.items():
            with in_file(file):
                job_id = session.submit(plan, from_savepoint, resume)
            yield SubmittedJob(plan.pipeline.name, job_id, plan.destinations)


def _check_slots(target: FlinkTarget, plans: Mapping[str, JobPlan]) -> None:
    available = slots(target)
    parallelisms = [plan.configuration["parallelism.default"] for plan in plans.values()]
    needed = sum(int(text) for text in parallelisms if text.isdecimal())  # Flink reports what is no number
    if available is not None and available.free < needed:
        raise TooFewSlotsError(
            Server.FLINK,
            f"Flink at {target.address} has {available.free} free task slots; {needed} are needed",
        )
