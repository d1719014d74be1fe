"""The configuration of the sampling process: plain values, because they cross an exec."""

import json
from dataclasses import asdict, dataclass, field

from procstream_common.logs import LogFormat, LogLevel

CONFIG_VARIABLE = "PROCSTREAM_SAMPLER_CONFIG"
"""The environment variable with the configuration of the sampling process."""


@dataclass(frozen=True, kw_only=True)
class SamplerConfig:
    """Everything the sampler needs, resolved: settings are checked and the schema is looked up.

    Times are in seconds. `kafka` holds librdkafka properties with secrets, so it is not shown.
    """

    path: str
    interval: float
    node: str
    topic: str
    subject: str
    schema_id: int
    schema_text: str
    kafka: dict[str, str] = field(repr=False)
    msk_iam_region: str | None
    buffer_max_records: int
    startup_timeout: float
    flush_timeout: float
    metrics_host: str
    metrics_port: int | None
    log_format: LogFormat
    log_level: LogLevel

    def dumps(self) -> str:
        """As JSON, for `loads`."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> "SamplerConfig":
        """Back from JSON."""
        fields = json.loads(text)
        log_format, log_level = LogFormat(fields.pop("log_format")), LogLevel(fields.pop("log_level"))
        return cls(**fields, log_format=log_format, log_level=log_level)
