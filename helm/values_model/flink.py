"""How pipelines run, and the SQL Gateway."""

from pydantic import Field

from helm.values_model.image import Image, image
from helm.values_model.kubernetes import Resources, Scheduled, Spread, resources
from helm.values_model.part import Part
from helm.values_model.text import Count, Duration, HostName, NonEmpty, Scalars

_MEMORY = "Resources. Flink divides up the memory: set a limit in Mi or Gi."


class FlinkOperator(Part):
    """The Flink Kubernetes Operator."""

    enabled: bool = Field(
        True,
        description="Create FlinkDeployments for the Flink Kubernetes Operator (1.16 or later), which has to"
        " be installed. If false, plain Deployments, which also resume from their last checkpoint.",
    )


class JobManager(Spread):
    """The JobManager of a cluster."""

    resources: Resources = Field(resources(cpu="250m", memory="1Gi", limit="1Gi"), description=_MEMORY)


class TaskManager(Spread):
    """The TaskManagers of a cluster."""

    slots: Count = Field(2, description="Task slots per TaskManager.")
    replicas: Count | None = Field(
        None, description="Number of TaskManagers. Default: as many as the pipeline's parallelism needs."
    )
    resources: Resources = Field(resources(cpu="500m", memory="2Gi", limit="2Gi"), description=_MEMORY)


class Checkpoints(Part):
    """Checkpoints of all pipelines."""

    interval: Duration = Field(
        "60s", description="Time between checkpoints. Files become visible with each checkpoint."
    )


class Rest(Part):
    """Flink's REST interface and UI, and the SQL Gateway."""

    allowed_hosts: list[HostName] = Field(
        [],
        description="Further names or addresses, without a port, by which clients may reach Flink,"
        " such as the host of an Ingress. The names of its Services and localhost are always allowed.",
    )


class FlinkClusters(Part):
    """How pipelines run. Each pipeline has its own cluster, in application mode."""

    image: Image = Field(image("procstream-flink"), description="Flink's image, with procstream's job.")
    version: NonEmpty = Field("2.3.0", description="Version of Flink in the image.")
    operator: FlinkOperator = Field(FlinkOperator(), description="The Flink Kubernetes Operator.")
    job_manager: JobManager = Field(JobManager(), description="JobManager of each pipeline.")
    task_manager: TaskManager = Field(TaskManager(), description="TaskManagers of each pipeline.")
    rest: Rest = Field(Rest(), description="Flink's REST interface and UI, and the SQL Gateway.")
    checkpoints: Checkpoints = Field(Checkpoints(), description="Checkpoints of all pipelines.")
    configuration: Scalars = Field(
        {},
        description="Additional or changed options of Flink's config.yaml, such as"
        " taskmanager.memory.managed.fraction: 0.5.",
    )


class TablesSidecar(Part):
    """The sidecar that turns topics into tables."""

    resources: Resources = Field(resources(cpu="20m", memory="64Mi", limit="192Mi"), description="Resources.")


class SessionJobManager(Spread):
    """The JobManager of the session cluster."""

    resources: Resources = Field(resources(cpu="100m", memory="512Mi", limit="896Mi"), description=_MEMORY)


class SessionTaskManager(Spread):
    """The TaskManagers of the session cluster."""

    slots: Count = Field(
        4, description="Task slots per TaskManager. A query needs as many as its parallelism."
    )
    replicas: Count = Field(1, description="Number of TaskManagers.")
    resources: Resources = Field(resources(cpu="250m", memory="1Gi", limit="1600Mi"), description=_MEMORY)


class SqlGateway(Scheduled):
    """Flink's SQL Gateway, in which every topic is a table, and the session cluster that runs its queries.

    It asks for no password: whoever can connect to its Service can read and write all that these pods can.
    """

    enabled: bool = Field(False, description="Install the SQL Gateway and its session cluster.")
    refresh_interval: Duration = Field("30s", description="How often new topics become tables.")
    resources: Resources = Field(
        resources(cpu="100m", memory="384Mi", limit="768Mi"),
        description="Resources of the gateway. Java uses half of the memory limit as its heap.",
    )
    tables: TablesSidecar = Field(TablesSidecar(), description="The sidecar that turns topics into tables.")
    job_manager: SessionJobManager = Field(
        SessionJobManager(), description="JobManager of the session cluster."
    )
    task_manager: SessionTaskManager = Field(
        SessionTaskManager(), description="TaskManagers of the session cluster."
    )
    configuration: Scalars = Field(
        {},
        description="Additional or changed options of Flink's config.yaml, besides those of"
        " flink.configuration, such as sql-gateway.session.idle-timeout: 1 h.",
    )
