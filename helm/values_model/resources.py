"""Topics and schemas. The fields are those of the custom resources (`crds/`)."""

from typing import Literal

from pydantic import Field

from helm.values_model.part import Part, omitted
from helm.values_model.text import Count, NonEmpty, Partitions, ReplicationFactor, Scalars, TopicName

DeletionPolicy = Literal["Retain", "Delete"]


class Topic(Part):
    """A topic."""

    topic_name: TopicName = Field(description="Name in Kafka.")
    partitions: Partitions = Field(description="Number of partitions.")
    replication_factor: ReplicationFactor | None = omitted(
        "Replicas of each partition. Default: as many as Kafka allows, and at most 3."
    )
    config: Scalars | None = omitted("Settings of the topic, such as retention.ms.")
    deletion_policy: DeletionPolicy | None = omitted(
        "Whether the topic is deleted with its resource. Default: Retain."
    )


class SchemaReference(Part):
    """Another schema that a schema refers to."""

    name: str = Field(description="Name by which the schema refers to it.")
    subject: str = Field(description="Its subject.")
    version: Count = Field(description="Its version.")


class Schema(Part):
    """A schema."""

    subject: NonEmpty = Field(description="Subject in the registry.")
    type: Literal["AVRO", "JSON", "PROTOBUF"] | None = omitted("Type. Default: AVRO.")
    file: NonEmpty | None = omitted("Path of the schema in this chart.")
    definition: NonEmpty | None = omitted("The schema itself, instead of `file`.")
    compatibility: (
        Literal[
            "NONE",
            "BACKWARD",
            "BACKWARD_TRANSITIVE",
            "FORWARD",
            "FORWARD_TRANSITIVE",
            "FULL",
            "FULL_TRANSITIVE",
        ]
        | None
    ) = omitted("Compatibility of new versions.")
    references: list[SchemaReference] | None = omitted("Schemas that it refers to.")
    deletion_policy: DeletionPolicy | None = omitted(
        "Whether the subject is deleted with its resource. Default: Retain."
    )
