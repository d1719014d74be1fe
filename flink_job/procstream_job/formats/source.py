"""The formats that a source may have: a new one is a folder beside this file and a member of this union."""

from typing import Annotated, get_args

from pydantic import Field

from procstream_job.formats.avro.options import AvroSource
from procstream_job.formats.json.options import JsonSource

Source = Annotated[AvroSource | JsonSource, Field(discriminator="format")]

SOURCE_FORMATS: tuple[str, ...] = tuple(
    get_args(member.model_fields["format"].annotation)[0] for member in get_args(get_args(Source)[0])
)
"""What `format` may be."""
