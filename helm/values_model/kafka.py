"""Kafka: the chart's own, or another one."""

from typing import Annotated, Literal

from pydantic import Field

from helm.values_model.image import Image, image
from helm.values_model.kubernetes import Resources, Spread, resources
from helm.values_model.part import Part
from helm.values_model.storage import Storage
from helm.values_model.text import BootstrapServers, Count, JavaSize, Name, ReplicationFactor, Scalar

SaslMechanism = Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"]
Setting = Annotated[str, Field(pattern="^[a-z0-9._-]+$")]


class ExternalKafka(Part):
    """Kafka outside of the chart."""

    bootstrap_servers: BootstrapServers = Field("", description="host:port, several separated by commas.")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"] = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL, SASL_SSL or SASL_PLAINTEXT."
    )
    sasl_mechanism: SaslMechanism = Field(
        "",
        description="PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM. Empty without SASL.",
    )
    aws_region: str = Field("", description="Region of an MSK cluster with IAM.")
    existing_secret: Name = Field(
        "",
        description="Secret whose keys are environment variables, such as KAFKA_SASL_USERNAME and"
        " KAFKA_SASL_PASSWORD.",
    )
    tls_secret: Name = Field(
        "",
        description="Secret with certificates, mounted at /etc/procstream/tls. Variables such as"
        " KAFKA_SSL_CA_LOCATION refer to its files.",
    )
    replication_factor: ReplicationFactor = Field(
        1, description="Replication factor of topics that do not set their own."
    )


class Kafka(Spread):
    """Kafka in KRaft mode, for this namespace only: without encryption and passwords. Or another Kafka."""

    enabled: bool = Field(True, description="Install the chart's own Kafka. If false, set `external`.")
    image: Image = Field(image("apache/kafka", "4.3.1"), description="Image.")
    replicas: Count = Field(
        1,
        description="Number of nodes. With 3 or more, a partition has 3 replicas, 2 of them in sync.",
    )
    controllers: Literal[None, 1, 3, 5] = Field(
        None,
        description="Number of nodes, counted from the first, that vote on metadata. Default: 3 with 3 nodes"
        " or more, else 1. It must not change after installation: if you installed the release with 1 node"
        " and add nodes, set it to 1.",
    )
    cluster_id: Annotated[str, Field(pattern="^[A-Za-z0-9_][A-Za-z0-9_-]{21}$")] = Field(
        "bvs0Io8XRXqA3TVHhFQkkw",
        description="Cluster id, written to the volumes at the first start: 16 bytes in URL-safe base64.",
    )
    heap: JavaSize = Field("512m", description="Java heap per node.")
    storage: Storage = Field(
        Storage(size="10Gi"),
        description="Volume size per node. Without a className, the cluster's default StorageClass applies.",
    )
    config: dict[Setting, Scalar] = Field(
        {},
        description="Additional or changed settings of server.properties, such as log.retention.hours: 48.",
    )
    resources: Resources = Field(resources(cpu="250m", memory="768Mi", limit="1Gi"), description="Resources.")
    external: ExternalKafka = Field(ExternalKafka(), description="Used if `enabled` is false.")
