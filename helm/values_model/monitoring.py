"""Prometheus and Grafana."""

from pydantic import Field

from helm.values_model.part import Part
from helm.values_model.text import Labels, PrometheusDuration


class PodMonitors(Part):
    """PodMonitors of the Prometheus operator."""

    enabled: bool = Field(False, description="Create PodMonitors.")
    labels: Labels = Field(
        {}, description="Labels by which your Prometheus finds them, such as release: prometheus."
    )
    interval: PrometheusDuration = Field("30s", description="Time between two scrapes.")


class Dashboards(Part):
    """A ConfigMap with the dashboard."""

    enabled: bool = Field(False, description="Create the ConfigMap with the dashboard.")
    labels: Labels = Field(
        {"grafana_dashboard": "1"}, description="Labels by which your Grafana finds the ConfigMap."
    )


class Monitoring(Part):
    """For a Prometheus with the custom resources of the Prometheus operator, and its Grafana."""

    pod_monitors: PodMonitors = Field(PodMonitors(), description="PodMonitors of the Prometheus operator.")
    dashboards: Dashboards = Field(Dashboards(), description="Dashboards of Grafana.")
