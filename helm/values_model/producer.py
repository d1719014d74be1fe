"""The producers of node samples, and of generated records."""

from typing import Annotated

from pydantic import Field

from helm.values_model.image import Image, image
from helm.values_model.kubernetes import Affinity, Resources, Scheduled, Toleration, resources
from helm.values_model.part import Part, omitted
from helm.values_model.text import Count, Labels, Name, Percentage, Scalar, Scalars, TopicName


class Variable(Part):
    """An environment variable."""

    name: str = Field(description="Name.")
    value: str = Field(description="Value. Secrets belong in a Secret.")


class Producer(Part):
    """Samples /proc/stat on every node. All fields of the ProcstatProducer resource can be set here."""

    enabled: bool = Field(True, description="Create the ProcstatProducer.")
    topic: TopicName = Field(
        "procstat_snapshots",
        description="Topic, which has to be in `topics`. The subject TOPIC-value has to be in `schemas`.",
    )
    interval_seconds: Annotated[float, Field(ge=0.01, le=86_400)] = Field(
        1, description="Time between two samples."
    )
    buffer_max_records: Count = Field(
        3600, description="Most records that a producer keeps while Kafka is unavailable."
    )
    image: Image = Field(
        image("procstream-producer"),
        description="The producer's image. Generators and init containers use it, too.",
    )
    env: list[Variable] | None = omitted("Environment variables.")
    service_account_name: Name | None = omitted("ServiceAccount of the pods.")
    tolerations: list[Toleration] | None = omitted("Taints of nodes that the pods accept.")
    node_selector: Labels | None = omitted("Labels of the nodes that the pods run on.")
    priority_class_name: str | None = omitted("PriorityClass of the pods.")
    resources: Resources | None = omitted("Resources per node.")
    max_unavailable: Percentage | None = omitted("Pods that an update may take down at a time: 2 or 10%.")
    pod_labels: Labels | None = omitted("Additional labels of the pods.")
    pod_annotations: Labels | None = omitted("Additional annotations of the pods.")


class Generator(Part):
    """A generator of sample records. What it does not set is taken from `generatorDefaults`."""

    enabled: bool = Field(description="Run this generator.")
    topic: TopicName = Field(description="Topic to send to.")
    subject: str | None = omitted("Subject of the records' schema, if they need one.")
    args: list[Scalar] | None = omitted("Additional options of `procstream-producer generate NAME`.")
    env: Scalars | None = omitted("Environment variables.")
    resources: Resources | None = omitted("Resources.")
    service_account_name: Name | None = omitted("ServiceAccount of the pod.")
    pod_labels: Labels | None = omitted("Additional labels of the pod.")
    pod_annotations: Labels | None = omitted("Additional annotations of the pod.")
    node_selector: Labels | None = omitted("Labels of the nodes that the pod runs on.")
    tolerations: list[Toleration] | None = omitted("Taints of nodes that the pod accepts.")
    affinity: Affinity | None = omitted("Preferred or required nodes and neighbours.")
    priority_class_name: str | None = omitted("PriorityClass of the pod.")


class Generators(Part):
    """Generators of sample records, which run until they are disabled.

    `procstream-producer generate NAME --help` lists the variables that can be set in env.
    """

    lineage_input: Generator = Field(
        Generator(
            enabled=True,
            topic="lineage-input",
            subject="lineage-input-value",
            env={"PRODUCER_RATE": "10"},
        ),
        alias="lineage-input",
        description="Records for the pipeline lineage.",
    )
    transactions: Generator = Field(
        Generator(enabled=False, topic="transactions"), description="Card payments, as JSON."
    )
    splitpay: Generator = Field(
        Generator(enabled=False, topic="topic_splitpay"), description="Split bills, as nested JSON."
    )
    orders: Generator = Field(
        Generator(enabled=False, topic="partitioned-topic"), description="Orders with an event time, as JSON."
    )


class GeneratorDefaults(Scheduled):
    """What generators have unless they set their own."""

    args: list[Scalar] = Field([], description="Additional options of `procstream-producer generate NAME`.")
    env: Scalars = Field({}, description="Environment variables.")
    resources: Resources = Field(resources(cpu="20m", memory="64Mi", limit="192Mi"), description="Resources.")
    service_account_name: Name = Field("", description="ServiceAccount of the pods.")
