"""Volumes, and the object store: the chart's own MinIO, or S3."""

from typing import Annotated

from pydantic import Field

from helm.values_model.image import Image, image
from helm.values_model.kubernetes import Resources, Scheduled, resources
from helm.values_model.part import Part
from helm.values_model.text import Labels, Name, NonEmpty, Quantity, Url


class Storage(Part):
    """A volume."""

    size: Quantity = Field(description="Size of the volume.")
    class_name: str = Field("", description="StorageClass. Default: the cluster's default class.")


class ExternalS3(Part):
    """An object store outside of the chart."""

    endpoint: Url = Field("", description="http(s) URL. Empty for AWS.")
    region: NonEmpty = Field("us-east-1", description="Region of the bucket.")
    path_style: bool = Field(False, description="The bucket is in the path of the URL, not in its host name.")
    existing_secret: Name = Field(
        "",
        description="Secret with the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Without it, the role"
        " of the pods applies.",
    )


class S3(Part):
    """The bucket that pipelines write to, and keep their checkpoints in."""

    bucket: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = Field(
        "procstream", description="Name of the bucket."
    )
    external: ExternalS3 = Field(ExternalS3(), description="Used if `minio.enabled` is false.")
    service_account_annotations: Labels = Field(
        {}, description="Annotations of the pipelines' ServiceAccount, such as eks.amazonaws.com/role-arn."
    )


class Minio(Scheduled):
    """The chart's own object store, with the bucket."""

    enabled: bool = Field(True, description="Install MinIO. If false, set `s3.external`.")
    image: Image = Field(
        image("minio/minio", "RELEASE.2025-09-07T16-13-09Z"),
        description="MinIO's image. Its last release is on Quay, no longer on Docker Hub: set `registry`.",
    )
    existing_secret: Name = Field(
        "",
        description="Secret with the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Without it, set the"
        " user and the password.",
    )
    root_user: Annotated[str, Field(min_length=3)] = Field("procstream", description="User.")
    root_password: str = Field("", description="Password of at least 8 characters. There is no default.")
    storage: Storage = Field(Storage(size="20Gi"), description="Volume.")
    resources: Resources = Field(resources(cpu="100m", memory="256Mi", limit="1Gi"), description="Resources.")
