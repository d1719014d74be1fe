"""Network policies."""

from pydantic import Field

from helm.values_model.kubernetes import NetworkPolicyPeer
from helm.values_model.part import Part


class NetworkPolicies(Part):
    """Allow only the connections that procstream's own pods of this namespace need.

    They apply where the cluster's network enforces them. Metrics and Flink's REST interface stay open to all,
    for Prometheus, Flink's operator and `procstream status`.
    """

    enabled: bool = Field(False, description="Create NetworkPolicies.")
    allow_from: list[NetworkPolicyPeer] = Field(
        [],
        description="Additional peers of a NetworkPolicy that may connect to Kafka, MinIO, the registry,"
        " PostgreSQL, Flink and the SQL Gateway.",
    )
