"""Pipelines."""

from typing import Annotated, Any

from procstream_job.file.reading import shipped_pipelines
from pydantic import Field, WithJsonSchema

from helm.values_model.kubernetes import Resources, Spread
from helm.values_model.part import Part, omitted
from helm.values_model.text import Count, Duration, Scalars

SHIPPED = tuple(shipped_pipelines())
PIPELINE_FILE = "x-pipeline-file"
"""Marks where the schema of pipeline files belongs."""
PipelineName = Annotated[str, Field(pattern="^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$")]


class PipelineJobManager(Spread):
    """Settings of one pipeline's JobManager, instead of those of `flink.jobManager`."""

    resources: Resources | None = omitted("Resources.")


class PipelineTaskManager(Spread):
    """Settings of one pipeline's TaskManagers, instead of those of `flink.taskManager`."""

    slots: Count | None = omitted("Task slots per TaskManager.")
    replicas: Count | None = omitted("Number of TaskManagers.")
    resources: Resources | None = omitted("Resources.")


class PipelineJob(Part):
    """A pipeline that runs as a Flink job."""

    enabled: bool = Field(False, description="Run the pipeline.")
    file: Annotated[str, WithJsonSchema({"enum": list(SHIPPED)})] | None = omitted(
        "Name of a shipped pipeline file. Default: the name of the entry."
    )
    definition: Annotated[dict[str, Any], WithJsonSchema({PIPELINE_FILE: True})] | None = omitted(
        "Content of your own pipeline file, as YAML (docs/pipeline.schema.json)."
    )
    files: dict[str, str] | None = omitted(
        "Files beside the definition, by name, such as my_rules.py: modules of its functions."
    )
    parallelism: Count | None = omitted("Parallelism. Default: 2.")
    checkpoint_interval: Duration | None = omitted(
        "Time between checkpoints, instead of flink.checkpoints.interval."
    )
    env: Scalars | None = omitted(
        "Environment variables of the pods, such as parameters of the pipeline file."
    )
    from_savepoint: str | None = omitted(
        "Path of a savepoint or retained checkpoint to start from. A new path starts a new job from there."
    )
    configuration: Scalars | None = omitted(
        "Options of Flink's config.yaml, besides those of flink.configuration."
    )
    job_manager: PipelineJobManager | None = omitted("Its JobManager, as in flink.jobManager.")
    task_manager: PipelineTaskManager | None = omitted("Its TaskManagers, as in flink.taskManager.")
