"""The base of every model of a pipeline file."""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A mapping of the file; an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)
