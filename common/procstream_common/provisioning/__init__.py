"""Topics and schemas brought to their desired state: one set of functions for every way to run procstream.

Needs the extra `procstream-common[provisioning]`; clients that only look up do not.
"""

from procstream_common.provisioning.schemas import ensure_schema
from procstream_common.provisioning.specs import SchemaSpec, TopicSpec, read_values
from procstream_common.provisioning.topics import ensure_topics

__all__ = ["SchemaSpec", "TopicSpec", "ensure_schema", "ensure_topics", "read_values"]
