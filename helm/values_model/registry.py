"""The schema registry: the chart's own Apicurio, or another one."""

from typing import Literal

from pydantic import Field

from helm.values_model.image import Image, image
from helm.values_model.kubernetes import Resources, Spread, resources
from helm.values_model.part import Part
from helm.values_model.text import Count, Name, Url


class ExternalRegistry(Part):
    """A schema registry outside of the chart."""

    url: Url = Field(
        "",
        description="URL of a Confluent-compatible registry, such as http://apicurio:8080/apis/ccompat/v7.",
    )
    existing_secret: Name = Field(
        "", description="Secret with the keys SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD."
    )


class Registry(Spread):
    """Apicurio, a schema registry with a Confluent-compatible API. Or another registry."""

    enabled: bool = Field(True, description="Install Apicurio. If false, set `external`.")
    image: Image = Field(image("apicurio/apicurio-registry", "3.3.3"), description="Image.")
    storage: Literal["kafka", "postgres"] = Field(
        "kafka", description="Where the schemas are stored: kafka (a topic) or postgres."
    )
    replicas: Count = Field(1, description="Number of pods.")
    resources: Resources = Field(
        resources(cpu="100m", memory="512Mi", limit="768Mi"), description="Resources."
    )
    external: ExternalRegistry = Field(ExternalRegistry(), description="Used if `enabled` is false.")
