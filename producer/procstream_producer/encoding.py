"""Records in the Confluent wire format: a zero byte, the schema's id in four bytes, the Avro datum."""

import json
import struct
from io import BytesIO
from typing import Any

import fastavro
from procstream_common.errors import ProcstreamError

HEADER = struct.Struct(">bI")
"""Magic byte and schema id, as Confluent's serializers write them."""

MAGIC_BYTE = 0


class EncodingError(ProcstreamError):
    """A record does not fit the schema that the registry has."""


class AvroEncoder:
    """Encodes records with one schema of the registry.

    Args:
        subject: where the schema is registered, for error messages.
        schema_id: the registry's id.
        schema_text: the Avro schema as JSON.

    Raises:
        EncodingError: the text is not an Avro schema.
    """

    def __init__(self, *, subject: str, schema_id: int, schema_text: str) -> None:
        self._where = f"subject {subject!r} schema id {schema_id}"
        self._header = HEADER.pack(MAGIC_BYTE, schema_id)
        try:
            self._schema = fastavro.parse_schema(json.loads(schema_text))
        except Exception as error:
            raise EncodingError(f"{self._where}: found no Avro schema ({error}), expected one") from None

    def encode(self, record: dict[str, Any]) -> bytes:
        """The encoded `record`. It needs the fields of the schema that have no default, and no others.

        Raises:
            EncodingError: it does not fit the schema.
        """
        out = BytesIO()
        out.write(self._header)
        try:
            fastavro.schemaless_writer(out, self._schema, record, strict_allow_default=True)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise EncodingError(
                f"{self._where}: the record does not fit ({error}), expected fields {', '.join(record)}"
            ) from None
        return out.getvalue()
