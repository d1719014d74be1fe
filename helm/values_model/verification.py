"""The verification of lakes."""

from typing import Annotated

from pydantic import Field

from helm.values_model.kubernetes import Resources, Scheduled, resources
from helm.values_model.text import NonEmpty

Option = Annotated[str, Field(pattern="^--")]


class Verification(Scheduled):
    """Proof that pipelines with a lake lose and duplicate nothing: a CronJob each runs `lineage verify`."""

    pipelines: list[NonEmpty] = Field(
        ["lineage", "procstat-lineage"], description="Pipelines to verify, if they are enabled."
    )
    schedule: str = Field(
        "", description='Such as "0 * * * *", every hour. Empty: only on demand, by scripts/verify.sh.'
    )
    options: list[Option] = Field(["--wait=120s"], description="Options of `lineage verify`.")
    resources: Resources = Field(resources(cpu="50m", memory="256Mi", limit="1Gi"), description="Resources.")
