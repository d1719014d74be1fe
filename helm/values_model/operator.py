"""procstream's operator."""

from typing import Annotated, Literal

from pydantic import Field

from helm.values_model.image import Image, image
from helm.values_model.kubernetes import Resources, Spread, resources
from helm.values_model.text import Labels


class Operator(Spread):
    """Creates and repairs the topics, schemas and producers below."""

    enabled: bool = Field(True, description="Install the operator.")
    image: Image = Field(image("procstream-operator"), description="Image.")
    watch_all_namespaces: bool = Field(
        False,
        description="Watch the whole cluster, with a ClusterRole. If false, this namespace, with a Role.",
    )
    resync_seconds: Annotated[float, Field(gt=0)] = Field(
        60,
        description="How often all resources are compared with Kafka and the registry, and repaired.",
    )
    deletion_timeout_seconds: Annotated[float, Field(ge=0)] = Field(
        300,
        description="How long a deletion waits for Kafka or the registry before it leaves the data in place.",
    )
    readable_config_maps: list[str] = Field(
        [],
        description="Other ConfigMaps that ProcstatProducers refer to. The operator reads their versions.",
    )
    readable_secrets: list[str] = Field(
        [],
        description="Other Secrets that ProcstatProducers refer to. The operator reads their versions.",
    )
    log_format: Literal["json", "text"] = Field("json", description="json or text.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR."
    )
    resources: Resources = Field(
        resources(cpu="50m", memory="160Mi", limit="320Mi"), description="Resources."
    )
    service_account_annotations: Labels = Field(
        {}, description="Annotations of the ServiceAccount, such as eks.amazonaws.com/role-arn."
    )
