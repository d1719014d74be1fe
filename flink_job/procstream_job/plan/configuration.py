"""Flink's configuration of a pipeline's job."""

from collections.abc import Mapping

from procstream_common.durations import flink_duration

from procstream_job.file.model import Pipeline

_DEFAULTS = {
    "execution.checkpointing.mode": "EXACTLY_ONCE",
    "execution.checkpointing.timeout": "10 min",
    # A failed checkpoint loses nothing, the next one covers it; a restart costs more.
    "execution.checkpointing.tolerable-failed-checkpoints": "10",
    # A cancelled job can be resumed.
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    "state.backend.type": "rocksdb",
    "execution.checkpointing.incremental": "true",
    # An unavailable broker, registry or store becomes reachable again: retry, ever more slowly.
    "restart-strategy.type": "exponential-delay",
    "restart-strategy.exponential-delay.initial-backoff": "1 s",
    "restart-strategy.exponential-delay.max-backoff": "1 min",
    "restart-strategy.exponential-delay.backoff-multiplier": "2.0",
    "restart-strategy.exponential-delay.reset-backoff-threshold": "10 min",
    # No operator of ours keeps rows, so that none has to be copied between operators.
    "pipeline.object-reuse": "true",
    "table.local-time-zone": "UTC",
}


def flink_configuration(pipeline: Pipeline, overrides: Mapping[str, str] | None = None) -> dict[str, str]:
    """Options of the job. `overrides` win over the file's `flink.configuration`, that over the defaults."""
    return {
        **_DEFAULTS,
        "pipeline.name": pipeline.name,
        "parallelism.default": str(pipeline.flink.parallelism),
        "execution.checkpointing.interval": flink_duration(pipeline.flink.checkpoint_interval),
        **pipeline.flink.configuration,
        **(overrides or {}),
    }
