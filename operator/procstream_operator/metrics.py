"""Metrics for Prometheus."""

import threading
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

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
    from procstream_operator.resource import Resource

_PREFIX = "procstream_operator"


class Metrics:
    """Counters and gauges, named `procstream_operator_…`."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # they double the number of series
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
            "Repaired differences that were caused outside the resources.",
            ["kind"],
            registry=registry,
        )
        self.api_requests = Counter(
            f"{_PREFIX}_api_requests",
            "Requests to the API server, without watches.",
            ["verb", "resource"],
            registry=registry,
        )
        self.queue_length = Gauge(
            f"{_PREFIX}_queue_length",
            "Resources that wait for a request to Kafka or the schema registry.",
            ["kind"],
            registry=registry,
        )
        threads = Gauge(
            f"{_PREFIX}_threads",
            "Threads of the Python process, without those of librdkafka.",
            registry=registry,
        )
        threads.set_function(threading.active_count)
        self.resources = Gauge(
            f"{_PREFIX}_resources",
            "Resources by the status of their condition Ready.",
            ["kind", "ready"],
            registry=registry,
        )
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)

    def count_request(self, verb: str, resource: str) -> None:
        """Count a request to the API server."""
        self.api_requests.labels(verb, resource).inc()

    def watch(self, kind: str, resources: Callable[[], Collection["Resource"]]) -> None:
        """Count the resources of a kind by the status of their condition Ready."""
        for ready in ("True", "False", "Unknown"):
            self.resources.labels(kind, ready).set_function(partial(_count, resources, ready))

    def watch_queue(self, kind: str, length: Callable[[], float]) -> None:
        """Report the number of resources of a kind that wait."""
        self.queue_length.labels(kind).set_function(length)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)


def _count(resources: Callable[[], Collection["Resource"]], ready: str) -> float:
    return float(sum(one.ready_condition.get("status", "Unknown") == ready for one in resources()))
