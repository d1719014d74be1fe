"""Parts of Kubernetes' own objects. Source: Kubernetes API v1.34, core/v1 and networking.k8s.io/v1."""

from typing import Annotated, Literal

from pydantic import Field

from helm.values_model.part import Part, omitted
from helm.values_model.text import Labels, NonEmpty, Quantity

Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]


class LabelSelectorRequirement(Part):
    """One expression of a selector."""

    key: NonEmpty = Field(description="Label's key.")
    operator: Operator = Field(description="How the label is compared with the values.")
    values: list[str] | None = omitted("Values, for `In` and `NotIn`.")


class LabelSelector(Part):
    """Selects objects by their labels."""

    match_labels: Labels | None = omitted("Labels that an object has.")
    match_expressions: list[LabelSelectorRequirement] | None = omitted(
        "Expressions that hold for its labels."
    )


class Toleration(Part):
    """A taint of nodes that the pods accept."""

    key: str | None = omitted("Key of the taint.")
    operator: Literal["Exists", "Equal"] | None = omitted("How the taint is compared.")
    value: str | None = omitted("Value of the taint, for `Equal`.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = omitted("Effect of the taint.")
    toleration_seconds: int | None = omitted("How long a pod stays, for `NoExecute`.")


class NodeSelectorRequirement(Part):
    """One expression about a node."""

    key: NonEmpty = Field(description="Label's key.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] = Field(
        description="How the label is compared with the values."
    )
    values: list[str] | None = omitted("Values to compare with.")


class NodeSelectorTerm(Part):
    """Expressions about a node, which all have to hold."""

    match_expressions: list[NodeSelectorRequirement] | None = omitted("Expressions about its labels.")
    match_fields: list[NodeSelectorRequirement] | None = omitted("Expressions about its fields.")


class NodeSelector(Part):
    """Nodes for which one of the terms holds."""

    node_selector_terms: list[NodeSelectorTerm] = Field(description="Terms.")


class PreferredNodes(Part):
    """Nodes that are preferred to others."""

    weight: int = Field(ge=1, le=100, description="Weight beside other preferences.")
    preference: NodeSelectorTerm = Field(description="The nodes.")


class NodeAffinity(Part):
    """Nodes that the pods run on."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = omitted(
        "Nodes that are allowed."
    )
    preferred_during_scheduling_ignored_during_execution: list[PreferredNodes] | None = omitted(
        "Nodes that are preferred."
    )


class PodAffinityTerm(Part):
    """Other pods, and the part of the cluster that is compared."""

    topology_key: NonEmpty = Field(description="Label of nodes, such as kubernetes.io/hostname.")
    label_selector: LabelSelector | None = omitted("Selects the other pods.")
    namespaces: list[str] | None = omitted("Namespaces of the other pods.")
    namespace_selector: LabelSelector | None = omitted("Selects these namespaces.")
    match_label_keys: list[str] | None = omitted("Labels that both pods have with the same value.")
    mismatch_label_keys: list[str] | None = omitted("Labels that the pods have with different values.")


class WeightedPodAffinityTerm(Part):
    """A preference about other pods."""

    weight: int = Field(ge=1, le=100, description="Weight beside other preferences.")
    pod_affinity_term: PodAffinityTerm = Field(description="The other pods.")


class PodAffinity(Part):
    """Other pods that the pods run near to, or far from."""

    required_during_scheduling_ignored_during_execution: list[PodAffinityTerm] | None = omitted("Required.")
    preferred_during_scheduling_ignored_during_execution: list[WeightedPodAffinityTerm] | None = omitted(
        "Preferred."
    )


class Affinity(Part):
    """Where the pods run."""

    node_affinity: NodeAffinity | None = omitted("Nodes.")
    pod_affinity: PodAffinity | None = omitted("Pods to be near to.")
    pod_anti_affinity: PodAffinity | None = omitted("Pods to be far from.")


class TopologySpreadConstraint(Part):
    """How evenly the pods are spread over a part of the cluster."""

    max_skew: int = Field(ge=1, description="Largest difference between two domains.")
    topology_key: NonEmpty = Field(description="Label of nodes, such as topology.kubernetes.io/zone.")
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = Field(
        description="What happens to a pod for which the constraint does not hold."
    )
    label_selector: LabelSelector | None = omitted("Selects the pods that are counted.")
    match_label_keys: list[str] | None = omitted("Labels whose values select the pods, too.")
    min_domains: int | None = omitted("Least number of domains.", ge=1)
    node_affinity_policy: Literal["Honor", "Ignore"] | None = omitted("Whether node affinity counts.")
    node_taints_policy: Literal["Honor", "Ignore"] | None = omitted("Whether taints count.")


class IpBlock(Part):
    """A range of addresses."""

    cidr: NonEmpty = Field(description="Range, such as 10.0.0.0/8.")
    except_: list[str] | None = omitted("Ranges within it that are left out.", alias="except")


class NetworkPolicyPeer(Part):
    """Who is allowed to connect."""

    pod_selector: LabelSelector | None = omitted("Pods.")
    namespace_selector: LabelSelector | None = omitted("Namespaces.")
    ip_block: IpBlock | None = omitted("Addresses.")


class Resources(Part):
    """What a container requests, and what it is limited to."""

    requests: dict[str, Quantity] | None = omitted("Reserved for the container.")
    limits: dict[str, Quantity] | None = omitted("The most that the container uses.")


class SecretName(Part):
    """A reference to a Secret."""

    name: Annotated[str, Field(description="Name of a Secret in the release's namespace.")]


class Labelled(Part):
    """Labels and annotations of a component's pods."""

    pod_labels: Labels = Field({}, description="Additional labels of the pods.")
    pod_annotations: Labels = Field({}, description="Additional annotations of the pods.")


class Scheduled(Labelled):
    """Where the pods of a component run."""

    node_selector: Labels = Field({}, description="Labels of the nodes that the pods run on.")
    tolerations: list[Toleration] = Field([], description="Taints of nodes that the pods accept.")
    affinity: Affinity = Field(Affinity(), description="Preferred or required nodes and neighbours.")
    priority_class_name: str = Field("", description="PriorityClass of the pods.")


class Spread(Scheduled):
    """Where the pods of a component with several replicas run."""

    topology_spread_constraints: list[TopologySpreadConstraint] = Field(
        [], description="How the pods are spread over nodes and zones."
    )


def resources(*, cpu: str, memory: str, limit: str) -> Resources:
    """Requests of CPU and memory, and a limit of memory. CPU has none: see `.checkov.yaml`."""
    return Resources(requests={"cpu": cpu, "memory": memory}, limits={"memory": limit})
