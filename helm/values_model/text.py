"""Texts, numbers and mappings that several components have."""

from typing import Annotated, Any

from procstream_job.file.model import Flink
from pydantic import Field, WithJsonSchema

_INTERVAL: dict[str, Any] = Flink.model_json_schema()["properties"]["checkpoint_interval"]

Labels = dict[str, str]
Name = Annotated[str, Field(pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$")]
"""Name of an object in Kubernetes, or nothing."""
Url = Annotated[str, Field(pattern=r"^(https?://[^\s/@]+(/\S*)?)?$")]
"""Without credentials; may be empty."""
PostgresUrl = Annotated[str, Field(pattern=r"^(postgres(ql)?://[^\s/@]+/\S+)?$")]
BootstrapServers = Annotated[str, Field(pattern=r"^([^\s,:/]+:[0-9]+(,[^\s,:/]+:[0-9]+)*)?$")]
TopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
HostName = Annotated[
    str, Field(pattern=r"^([A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$")
]
"""A name, an IPv4 or an IPv6 address, without a port."""
NonEmpty = Annotated[str, Field(min_length=1)]
JavaSize = Annotated[str, Field(pattern=r"^[1-9][0-9]*[kmg]$")]
Duration = Annotated[str, Field(pattern=_INTERVAL["pattern"])]
"""As in a pipeline file: 500 ms, 60 s, 1 min."""
PrometheusDuration = Annotated[str, Field(pattern=r"^[0-9]+(ms|s|m|h)$")]
Quantity = Annotated[
    str | int | float,
    WithJsonSchema({"type": ["string", "number"], "pattern": r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$"}),
]
"""An amount of a resource, such as 250m or 1Gi."""
Scalar = Annotated[
    str | int | float | bool, WithJsonSchema({"type": ["string", "integer", "number", "boolean"]})
]
Scalars = dict[str, Scalar]
Percentage = Annotated[
    int | str, WithJsonSchema({"type": ["integer", "string"], "pattern": "^[0-9]+%?$", "minimum": 0})
]
"""A number of pods, or a share of them such as 10%."""
Partitions = Annotated[int, Field(ge=1, le=100_000)]
ReplicationFactor = Annotated[int, Field(ge=1, le=32_767)]
Count = Annotated[int, Field(ge=1)]
