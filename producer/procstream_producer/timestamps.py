"""Times as text: ISO-8601 in UTC, e.g. 2026-11-21T11:01:27.123Z."""

import datetime as dt

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def iso_time(timestamp_ms: int) -> str:
    """Milliseconds since 1970 as ISO-8601 UTC."""
    return iso(_EPOCH + dt.timedelta(milliseconds=timestamp_ms))


def iso(moment: dt.datetime) -> str:
    """A moment as ISO-8601, with microseconds only when it has some."""
    precision = "milliseconds" if moment.microsecond % 1000 == 0 else "microseconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")
