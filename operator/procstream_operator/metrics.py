"""What the operator tells Prometheus."""

import threading
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

if TYPE_CHECKING:
    from procstream_operator.controller.resource import Resource

_PREFIX = "procstream_operator"


class Metrics:
    """Counters and gauges, named `procstream_operator_…`."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # they double the series for nothing
        self._registry = registry = CollectorRegistry()
        self.reconciled = Counter(
            f"{_PREFIX}_reconciliations",
            "Resources reconciled, by result: done, or retry.",
            ["kind", "result"],
            registry=registry,
        )
        self.duration = Histogram(
            f"{_PREFIX}_reconciliation_seconds",
            "Seconds that a batch of resources took.",
            ["kind"],
            registry=registry,
        )
        self.repaired = Counter(
            f"{_PREFIX}_drift_repairs",
            "Changes undone that were made behind a resource's back.",
            ["kind"],
            registry=registry,
        )
        self.api_requests = Counter(
            f"{_PREFIX}_api_requests",
            "Requests to the API server, watches apart.",
            ["verb", "resource"],
            registry=registry,
        )
        self.queue_length = Gauge(
            f"{_PREFIX}_queue_length", "Resources to be looked at, now or later.", ["kind"], registry=registry
        )
        threads = Gauge(f"{_PREFIX}_threads", "Threads of the Python part.", registry=registry)
        threads.set_function(threading.active_count)
        self.leader = Gauge(
            f"{_PREFIX}_leader", "1 on the replica that works, 0 on those that stand by.", registry=registry
        )
        self.resources = Gauge(
            f"{_PREFIX}_resources",
            "Resources, by their Ready condition.",
            ["kind", "ready"],
            registry=registry,
        )
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)

    def count_request(self, verb: str, resource: str) -> None:
        """Count a request to the API server."""
        self.api_requests.labels(verb, resource).inc()

    def watch(self, kind: str, resources: Mapping[Any, "Resource"]) -> None:
        """Count the resources of a kind by their Ready condition."""
        for ready in ("True", "False", "Unknown"):
            self.resources.labels(kind, ready).set_function(partial(_count, resources, ready))

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)


def _count(resources: Mapping[Any, "Resource"], ready: str) -> float:
    return float(sum(one.ready_condition.get("status", "Unknown") == ready for one in resources.values()))
