"""Container images."""

from typing import Annotated, Literal

from pydantic import Field

from helm.values_model.part import Part
from helm.values_model.text import NonEmpty

Tag = Annotated[str, Field(pattern=r"^([A-Za-z0-9_.-]{1,128}(@sha256:[0-9a-f]{64})?)?$")]
"""A tag, also with a digest: 4.3.1@sha256:…."""


class SharedImage(Part):
    """What images have in common. Each component can set its own."""

    registry: str = Field(
        "", description="Registry and path of procstream's own images, such as registry.example/team."
    )
    mirror: str = Field("", description="Registry and path of all other images: the name of a mirror.")
    tag: Annotated[str, Field(pattern="^[A-Za-z0-9_.-]{0,128}$")] = Field(
        "", description="Tag of procstream's own images. Default: the chart's appVersion."
    )
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        "IfNotPresent", description="When the nodes pull images."
    )


class Image(Part):
    """Image of a component. What is empty is taken from `image`."""

    registry: str = Field("", description="Registry and path before the repository.")
    repository: NonEmpty = Field(description="Name of the image.")
    tag: Tag = Field("", description="Tag, also with a digest: 4.3.1@sha256:….")
    pull_policy: Literal["", "Always", "IfNotPresent", "Never"] = Field(
        "", description="When the nodes pull the image."
    )


def image(repository: str, tag: str = "") -> Image:
    """The default of a component."""
    return Image(repository=repository, tag=tag)
