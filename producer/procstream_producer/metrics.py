"""The sampler's metrics for Prometheus."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from procstream_producer.delivery.broker_watch import OutageBegan, OutageEnded
from procstream_producer.delivery.log import DeliveryLog

_DROP_REASONS = ("buffer_full", "refused", "shutdown")


class SamplerMetrics:
    """Counters and gauges, named `procstream_producer_…`, of one sampler."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # they double the number of series
        self._registry = CollectorRegistry()
        prefix = "procstream_producer"
        self.delivered = Counter(
            f"{prefix}_records_delivered", "Records the broker confirmed.", registry=self._registry
        )
        self.dropped = Counter(
            f"{prefix}_records_dropped", "Records lost, by reason.", ["reason"], registry=self._registry
        )
        self.buffered = Gauge(
            f"{prefix}_records_buffered", "Records not yet confirmed.", registry=self._registry
        )
        self.broker_unavailable = Gauge(
            f"{prefix}_broker_unavailable", "1 while records wait for the broker.", registry=self._registry
        )
        self.ticks_skipped = Counter(
            f"{prefix}_ticks_skipped", "Ticks skipped because they were late.", registry=self._registry
        )
        self.read_errors = Counter(
            f"{prefix}_read_errors", "Ticks whose file could not be read.", registry=self._registry
        )
        self.last_sample = Gauge(
            f"{prefix}_last_sample_timestamp_seconds",
            "When the file was last read, seconds since 1970.",
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)
        for reason in _DROP_REASONS:
            self.dropped.labels(reason)  # with a 0 at the start, Prometheus sees the first increase

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)


class DeliveryReport:
    """Passes delivery events to the metrics and to the log."""

    def __init__(self, metrics: SamplerMetrics, log: DeliveryLog) -> None:
        self._metrics = metrics
        self._log = log

    def delivered(self) -> None:
        """Count the record."""
        self._metrics.delivered.inc()

    def dropped(self, reason: str, detail: str) -> None:
        """Count and log the loss."""
        self._metrics.dropped.labels(reason).inc()
        self._log.dropped(reason, detail)

    def outage_began(self, event: OutageBegan, waiting: int) -> None:
        """Set the gauge and log the outage."""
        self._metrics.broker_unavailable.set(1)
        self._log.outage_began(event, waiting)

    def outage_ended(self, event: OutageEnded, waiting: int) -> None:
        """Reset the gauge and log the end of the outage."""
        self._metrics.broker_unavailable.set(0)
        self._log.outage_ended(event, waiting)
