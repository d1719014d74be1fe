"""Plans of pipelines, with the columns that the registry has now, once all that they need is there."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from procstream_common.errors import ProcstreamError
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import KafkaSettings, PostgresSettings, RegistrySettings, load

from procstream_job.file.model import Pipeline
from procstream_job.file.reading import PER_PIPELINE_VARIABLES, PipelineError, PipelineFile
from procstream_job.language.mistakes import in_file
from procstream_job.plan.job_plan import JobPlan, plan_job
from procstream_job.plan.outputs import Connections
from procstream_job.plan.sources import SourceTable
from procstream_job.sinks.postgres.database import check_connection
from procstream_job.submitting.flink.functions import check_modules
from procstream_job.submitting.patience import Patience
from procstream_job.submitting.preflight import (
    check_topics,
    needs_postgres,
    needs_registry,
    resolve_sources,
    sink_schemas,
    topic_names,
)


def plan_jobs(
    files: Sequence[PipelineFile],
    env: Mapping[str, str],
    *,
    overrides: Mapping[str, str] | None = None,
    patience: Patience | None = None,
) -> dict[str, JobPlan]:
    """Plans by the labels of their files.

    Raises:
        SettingsError: a connection setting is missing or wrong.
        ProcstreamError: Kafka, the registry, a topic or a schema is unavailable, missing or not as expected.
    """
    _refuse_shared_places(files, env)
    patience = patience or Patience()
    for file in files:
        with in_file(file.label):
            check_modules(file.pipeline.functions, file.folder)
    kafka = load(KafkaSettings, env)
    needs_a_registry = any(needs_registry(file.pipeline) for file in files)
    registry = load(RegistrySettings, env) if needs_a_registry else None
    postgres = _postgres((file.pipeline for file in files), env, patience)
    _wait_for_topics(files, kafka, patience)
    plans = {}
    for file in files:
        with in_file(file.label):
            sources, schemas = patience.until(partial(_resolve, file.pipeline, registry))
            connections = Connections(
                kafka=kafka.java(shaded=True),
                registry=registry.java() if registry else {},
                jdbc=postgres.jdbc() if postgres else {},
                schemas=schemas,
            )
            plans[file.label] = plan_job(
                file.pipeline, sources, connections, env=env, overrides=overrides, folder=file.folder
            )
    return plans


def _refuse_shared_places(files: Sequence[PipelineFile], env: Mapping[str, str]) -> None:
    if len(files) < 2:
        return
    for variable in PER_PIPELINE_VARIABLES:
        if env.get(variable):
            raise ProcstreamError(
                f"{variable} is set and would apply to {len(files)} pipelines;"
                " expected it unset (LAKE_PATH is for all), or one pipeline at a time"
            )
    labels: dict[str, str] = {}
    for file in files:
        name = file.pipeline.name
        if name in labels:
            raise PipelineError(
                f"{file.label}: name: found {name!r}, which is also the name in {labels[name]};"
                " expected different names, or their rows would mix"
            )
        labels[name] = file.label


def _wait_for_topics(files: Sequence[PipelineFile], kafka: KafkaSettings, patience: Patience) -> None:
    def check() -> None:
        existing = topic_names(kafka)
        for file in files:
            with in_file(file.label):
                check_topics(file.pipeline, existing)

    patience.until(check)


def _postgres(
    pipelines: Iterable[Pipeline], env: Mapping[str, str], patience: Patience
) -> PostgresSettings | None:
    if not any(needs_postgres(pipeline) for pipeline in pipelines):
        return None
    settings = load(PostgresSettings, env)
    patience.until(lambda: check_connection(settings))
    return settings


def _resolve(
    pipeline: Pipeline, registry: RegistrySettings | None
) -> tuple[tuple[SourceTable, ...], dict[str, str]]:
    if registry is None or not needs_registry(pipeline):
        return resolve_sources(pipeline, lambda _: "", {}), {}
    with SchemaRegistry(registry) as client:

        def latest(subject: str) -> str:
            return client.latest(subject).schema_text

        return resolve_sources(pipeline, latest, registry.java()), sink_schemas(pipeline, latest)
