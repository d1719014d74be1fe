"""Former home of `procstream_common.durations`."""

from procstream_common.durations import Duration, flink_duration, parse_duration

__all__ = ["Duration", "flink_duration", "parse_duration"]
