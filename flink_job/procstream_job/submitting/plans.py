"""Plans of pipelines, with the columns that the registry has now, once all that they need exists."""

from collections.abc import Mapping, Sequence
from functools import partial

from procstream_common.errors import ProcstreamError
from procstream_common.kafka import KafkaCluster
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import KafkaSettings, RegistrySettings, load

from procstream_job.file.reading import PER_PIPELINE_VARIABLES, PipelineError, PipelineFile
from procstream_job.language.mistakes import in_file
from procstream_job.language.needs import Needs
from procstream_job.language.subject_schema import SubjectSchema
from procstream_job.plan.job_plan import JobPlan, plan_job
from procstream_job.plan.needs import pipeline_needs
from procstream_job.plan.sources import source_tables
from procstream_job.sinks.kind import Connections
from procstream_job.submitting.flink.functions import check_modules
from procstream_job.submitting.patience import Patience
from procstream_job.submitting.preflight import check_topics, registered_schemas

_KAFKA_SECONDS = 5.0
_MOST_VERSIONS = 50
"""So many schemas of a subject travel with a plan; others are looked up."""


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
    needs = {file.label: pipeline_needs(file.pipeline) for file in files}
    registry = load(RegistrySettings, env) if any(need.subjects for need in needs.values()) else None
    _wait_for_servers(files, env, patience)
    _wait_for_topics(needs, KafkaCluster(kafka, timeout=_KAFKA_SECONDS), patience)
    registry_options = registry.java() if registry else {}
    plans = {}
    for file in files:
        with in_file(file.label):
            schemas = _wait_for_schemas(needs[file.label], registry, patience)
            plans[file.label] = plan_job(
                file.pipeline,
                source_tables(file.pipeline, schemas, registry_options),
                Connections(
                    kafka.java(shaded=True),
                    registry_options,
                    {subject: schema.text for subject, schema in schemas.items()},
                ),
                env=env,
                overrides=overrides,
                folder=file.folder,
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


def _wait_for_servers(files: Sequence[PipelineFile], env: Mapping[str, str], patience: Patience) -> None:
    for file in files:
        for output in file.pipeline.all_outputs:
            for sink in output.sink.chosen.values():
                patience.until(partial(sink.check_server, env))


def _wait_for_topics(needs: Mapping[str, Needs], cluster: KafkaCluster, patience: Patience) -> None:
    def check() -> None:
        existing = cluster.topics()
        for label, needed in needs.items():
            with in_file(label):
                check_topics(needed, existing)

    patience.until(check)


def _wait_for_schemas(
    needs: Needs, registry: RegistrySettings | None, patience: Patience
) -> dict[str, SubjectSchema]:
    if registry is None or not needs.subjects:
        return {}
    with SchemaRegistry(registry) as client:

        def schema_of(subject: str) -> SubjectSchema:
            versions = client.versions(subject, most=_MOST_VERSIONS)
            by_id = {version.id: version.schema_text for version in versions if version.is_avro_alone}
            return SubjectSchema(client.latest(subject).schema_text, by_id)

        return patience.until(lambda: registered_schemas(needs, schema_of))
