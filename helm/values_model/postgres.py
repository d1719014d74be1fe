"""PostgreSQL: the chart's own, another one, or none."""

from typing import Annotated

from pydantic import Field

from helm.values_model.image import Image, image
from helm.values_model.kubernetes import Resources, Scheduled, resources
from helm.values_model.part import Part
from helm.values_model.storage import Storage
from helm.values_model.text import Name, NonEmpty, PostgresUrl


class ExternalPostgres(Part):
    """A database outside of the chart."""

    url: PostgresUrl = Field(
        "", description="postgresql://HOST:PORT/DATABASE, without credentials. Empty if there is none."
    )
    existing_secret: Name = Field("", description="Secret with the keys POSTGRES_USER and POSTGRES_PASSWORD.")


class Postgres(Scheduled):
    """PostgreSQL, for pipelines that write to it."""

    enabled: bool = Field(False, description="Install PostgreSQL. If false, `external` may be set.")
    image: Image = Field(image("postgres", "17"), description="Image.")
    existing_secret: Name = Field(
        "",
        description="Secret with the keys POSTGRES_USER and POSTGRES_PASSWORD. Without it, set the user and"
        " the password.",
    )
    user: NonEmpty = Field("procstream", description="User.")
    password: str = Field("", description="Password. There is no default.")
    database: Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]{0,62}$")] = Field(
        "procstream", description="Name of the database."
    )
    storage: Storage = Field(Storage(size="5Gi"), description="Volume.")
    resources: Resources = Field(
        resources(cpu="100m", memory="128Mi", limit="512Mi"), description="Resources."
    )
    external: ExternalPostgres = Field(ExternalPostgres(), description="Used if `enabled` is false.")
