"""Log lines on stderr: plain text to read, or one JSON object per line for machines."""

import json
import logging
import sys
import time
from enum import StrEnum


class LogFormat(StrEnum):
    """The format of log lines."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The lowest level of the lines that are shown, by the names of the logging module."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Seldom:
    """Limits a repeated line: the first passes at once, later ones at most once in `seconds`."""

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._last: float | None = None

    def allows(self, now: float) -> bool:
        """Whether the line may be logged at `now` (monotonic seconds)."""
        if self._last is not None and now - self._last < self._seconds:
            return False
        self._last = now
        return True

    def reset(self) -> None:
        """Let the next line pass."""
        self._last = None


class _Text(logging.Formatter):
    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")


class _Json(_Text):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (resource := getattr(record, "resource", None)) is not None:
            line["resource"] = resource
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up(log_format: LogFormat, level: LogLevel) -> None:
    """Send the log of this process to stderr.

    A line logged with `extra={"resource": "Kind namespace/name"}` has that as a field of its JSON.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if log_format is LogFormat.JSON else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for talkative in ("httpx", "httpx2", "httpcore", "httpcore2"):  # they log every request
        logging.getLogger(talkative).setLevel(logging.WARNING)
