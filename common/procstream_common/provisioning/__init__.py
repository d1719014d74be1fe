"""Topics and schemas brought to their desired state: one set of functions for every way to run procstream."""

from procstream_common.provisioning.schemas import (
    EnsuredSchema,
    delete_subject,
    ensure_schema,
)
from procstream_common.provisioning.specs import (
    SchemaReferenceSpec,
    SchemaSpec,
    TopicSpec,
    first_mistake,
    read_values,
)
from procstream_common.provisioning.topic_plan import Refusal, TopicPlan, TopicState, plan
from procstream_common.provisioning.topics import (
    TopicAdmin,
    TopicRefusedError,
    ensure_topics,
)
from procstream_common.registry import SchemaRefusedError

__all__ = [
    "EnsuredSchema",
    "Refusal",
    "SchemaReferenceSpec",
    "SchemaRefusedError",
    "SchemaSpec",
    "TopicAdmin",
    "TopicPlan",
    "TopicRefusedError",
    "TopicSpec",
    "TopicState",
    "delete_subject",
    "ensure_schema",
    "ensure_topics",
    "first_mistake",
    "plan",
    "read_values",
]
