"""All values of the chart."""

from typing import Annotated, Any

from pydantic import Field

from helm.values_model.flink import FlinkClusters, SqlGateway
from helm.values_model.image import SharedImage
from helm.values_model.kafka import Kafka
from helm.values_model.kubernetes import SecretName
from helm.values_model.monitoring import Monitoring
from helm.values_model.network import NetworkPolicies
from helm.values_model.operator import Operator
from helm.values_model.part import Part, listed, omitted
from helm.values_model.pipelines import PipelineJob, PipelineName
from helm.values_model.postgres import Postgres
from helm.values_model.producer import GeneratorDefaults, Generators, Producer
from helm.values_model.registry import Registry
from helm.values_model.resources import Schema, Topic
from helm.values_model.storage import S3, Minio
from helm.values_model.text import Labels
from helm.values_model.verification import Verification


class Values(Part):
    """Values of the procstream chart."""

    global_: dict[str, Any] | None = omitted("Helm's own, for charts that include this one.", alias="global")
    fullname_override: Annotated[str, Field(pattern="^([a-z]([-a-z0-9]*[a-z0-9])?)?$")] = Field(
        "", description="Prefix of all names, instead of RELEASE-procstream."
    )
    common_labels: Labels = Field({}, description="Labels of every object.")
    image_pull_secrets: list[SecretName] = Field(
        [],
        description="Secrets of this namespace with credentials of the image registry: [{name: regcred}].",
    )
    image: SharedImage = Field(SharedImage(), description="")
    kafka: Kafka = Field(Kafka(), description="")
    s3: S3 = Field(S3(), description="")
    minio: Minio = Field(Minio(), description="")
    registry: Registry = Field(Registry(), description="")
    postgres: Postgres = Field(Postgres(), description="")
    operator: Operator = Field(Operator(), description="")
    producer: Producer = Field(Producer(), description="")
    generators: Generators = Field(Generators(), description="")
    generator_defaults: GeneratorDefaults = Field(GeneratorDefaults(), description="")
    verification: Verification = Field(Verification(), description="")
    network_policies: NetworkPolicies = Field(NetworkPolicies(), description="")
    monitoring: Monitoring = Field(Monitoring(), description="")
    topics: list[Topic] = listed(
        "Topics that exist before the first record. The fields are those of the Topic resource. Without a"
        " replicationFactor, that of Kafka applies.",
        [],
    )
    schemas: list[Schema] = listed(
        "Schemas that are registered before the first record. `file` is a path in this chart.", []
    )
    flink: FlinkClusters = Field(FlinkClusters(), description="")
    pipelines: dict[PipelineName, PipelineJob] = listed(
        "Pipelines by name: those that ship, and your own. A changed pipeline resumes from its last"
        " checkpoint.",
        {},
    )
    sql_gateway: SqlGateway = Field(SqlGateway(), description="")
