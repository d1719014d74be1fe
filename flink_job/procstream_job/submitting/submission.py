"""From pipelines to running jobs: look whether everything is there, plan, submit."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TypeVar

from procstream_common.errors import ProcstreamError
from procstream_common.registry import RegistryUnavailable, SchemaRegistry
from procstream_common.settings import KafkaSettings, PostgresSettings, RegistrySettings, load
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_fixed

from procstream_job.file.model import Pipeline
from procstream_job.file.reading import PER_PIPELINE_VARIABLES, PipelineError, folder_of
from procstream_job.language.mistakes import in_file
from procstream_job.plan.job_plan import JobPlan, plan_job
from procstream_job.plan.outputs import Connections, EnsureTable
from procstream_job.plan.sources import SourceTable
from procstream_job.sinks.postgres.database import PostgresUnavailable, check_connection, ensure_table
from procstream_job.submitting.flink.functions import check_modules
from procstream_job.submitting.flink_target import FlinkTarget, FlinkUnavailable, slots
from procstream_job.submitting.preflight import (
    KafkaUnavailable,
    NotThereYet,
    check_topics,
    needs_postgres,
    needs_registry,
    resolve_sources,
    sink_schemas,
    topic_names,
)

_PAUSE_SECONDS = 0.5
_NO_PATIENCE = timedelta(0)
_Found = TypeVar("_Found")


class TooFewSlots(FlinkUnavailable):
    """The cluster answers, but the jobs would wait for task slots."""


@dataclass(frozen=True)
class SubmittedJob:
    """A job that Flink has taken, and where its rows go."""

    pipeline: str
    job_id: str
    destinations: tuple[str, ...]


@dataclass(frozen=True)
class Patience:
    """How long to wait for what is not there yet; by default not at all."""

    timeout: timedelta = _NO_PATIENCE
    started: float = field(default_factory=time.monotonic)

    def until(self, attempt: Callable[[], _Found]) -> _Found:
        """The attempt's result; repeats it while time is left. Raises what the last attempt raised."""
        retrying = Retrying(
            retry=retry_if_exception_type(
                (NotThereYet, KafkaUnavailable, RegistryUnavailable, PostgresUnavailable, FlinkUnavailable)
            ),
            stop=self._is_over,
            wait=wait_fixed(_PAUSE_SECONDS),
            reraise=True,
        )
        return retrying(attempt)

    def _is_over(self, _state: RetryCallState) -> bool:
        return time.monotonic() - self.started >= self.timeout.total_seconds()


def plan_jobs(
    pipelines: Mapping[str, Pipeline],
    env: Mapping[str, str],
    *,
    overrides: Mapping[str, str] | None = None,
    patience: Patience | None = None,
) -> dict[str, JobPlan]:
    """Plans of `pipelines`, by what errors call their files, with the columns that the registry has now.

    Raises:
        SettingsError: a connection setting is missing or wrong.
        ProcstreamError: Kafka, the registry, a topic or a schema is not there or not as expected.
    """
    _refuse_shared_places(pipelines, env)
    patience = patience or Patience()
    for file, pipeline in pipelines.items():
        with in_file(file):
            check_modules(pipeline.functions, folder_of(file))
    kafka = load(KafkaSettings, env)
    needing = [pipeline for pipeline in pipelines.values() if needs_registry(pipeline)]
    registry = load(RegistrySettings, env) if needing else None
    postgres = _postgres(pipelines.values(), env, patience)
    _wait_for_topics(pipelines, kafka, patience)
    plans = {}
    for file, pipeline in pipelines.items():
        with in_file(file):
            sources, schemas = patience.until(partial(_resolve, pipeline, registry))
            connections = Connections(
                kafka=kafka.java(shaded=True),
                registry=registry.java() if registry else {},
                jdbc=postgres.jdbc() if postgres else {},
                schemas=schemas,
            )
            plans[file] = plan_job(
                pipeline, sources, connections, env=env, overrides=overrides, folder=folder_of(file)
            )
    return plans


def submit(
    pipelines: Mapping[str, Pipeline],
    target: FlinkTarget,
    env: Mapping[str, str],
    *,
    overrides: Mapping[str, str] | None = None,
    from_savepoint: str | None = None,
    resume: str | None = None,
    patience: Patience | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> Iterator[SubmittedJob]:
    """Start a job for each of `pipelines`, one after the other; gives each as soon as Flink has it.

    Raises what `plan_jobs` and `FlinkSession.submit` raise, and `FlinkUnavailable`.
    """
    from procstream_job.submitting.flink.session import FlinkSession  # PyFlink is an optional dependency

    patience = patience or Patience()
    with FlinkSession(target, env) as session:
        if patience.timeout:
            session.start()  # meanwhile; without patience, a mistake should not wait for the client
        plans = plan_jobs(pipelines, env, overrides=overrides, patience=patience)
        try:
            patience.until(lambda: _check_slots(target, plans))
        except TooFewSlots as error:
            warn(f"{error}; the jobs wait until there are more")
        for file, plan in plans.items():
            with in_file(file):
                job_id = session.submit(plan, _ensuring(plan, env), from_savepoint, resume)
            yield SubmittedJob(plan.pipeline.name, job_id, tuple(_destinations(plan)))


def _refuse_shared_places(pipelines: Mapping[str, Pipeline], env: Mapping[str, str]) -> None:
    if len(pipelines) < 2:
        return
    for variable in PER_PIPELINE_VARIABLES:
        if env.get(variable):
            raise ProcstreamError(
                f"{variable} is set and would be that of {len(pipelines)} pipelines;"
                " expected it unset (LAKE_PATH is for all), or one pipeline at a time"
            )
    files: dict[str, str] = {}
    for file, pipeline in pipelines.items():
        if pipeline.name in files:
            raise PipelineError(
                f"{file}: name: found {pipeline.name!r}, which is also that of {files[pipeline.name]};"
                " expected different names, or their rows would mix"
            )
        files[pipeline.name] = file


def _wait_for_topics(pipelines: Mapping[str, Pipeline], kafka: KafkaSettings, patience: Patience) -> None:
    def check() -> None:
        existing = topic_names(kafka)
        for file, pipeline in pipelines.items():
            with in_file(file):
                check_topics(pipeline, existing)

    patience.until(check)


def _postgres(
    pipelines: Iterable[Pipeline], env: Mapping[str, str], patience: Patience
) -> PostgresSettings | None:
    if not any(needs_postgres(pipeline) for pipeline in pipelines):
        return None
    settings = load(PostgresSettings, env)
    patience.until(lambda: check_connection(settings))
    return settings


def _ensuring(plan: JobPlan, env: Mapping[str, str]) -> EnsureTable:
    return lambda table: ensure_table(load(PostgresSettings, env), table)


def _destinations(plan: JobPlan) -> Iterator[str]:
    for output in plan.pipeline.all_outputs:
        sink = output.sink
        if sink.lake:
            yield plan.paths.output
        if sink.kafka:
            yield f"topic {sink.kafka.topic}"
        if sink.postgres:
            yield f"table {sink.postgres.table}"
        if sink.print:
            yield "the TaskManager's standard output"


def _resolve(
    pipeline: Pipeline, registry: RegistrySettings | None
) -> tuple[tuple[SourceTable, ...], dict[str, str]]:
    if registry is None or not needs_registry(pipeline):
        return resolve_sources(pipeline, lambda _: "", {}), {}
    with SchemaRegistry(registry) as client:

        def latest(subject: str) -> str:
            return client.latest(subject).schema_text

        return resolve_sources(pipeline, latest, registry.java()), sink_schemas(pipeline, latest)


def _check_slots(target: FlinkTarget, plans: Mapping[str, JobPlan]) -> None:
    available = slots(target)
    parallelisms = [plan.configuration["parallelism.default"] for plan in plans.values()]
    needed = sum(int(text) for text in parallelisms if text.isdecimal())  # Flink tells what is no number
    if available is not None and available.free < needed:
        raise TooFewSlots(
            f"Flink at {target.address} has {available.free} free task slots of {needed} needed"
        )
