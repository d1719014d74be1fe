"""Decodes the bytes of a record into a JSON value."""

import base64
import datetime as dt
import json
import math
import uuid
from collections.abc import Callable
from decimal import Decimal
from io import BytesIO
from typing import Any

import fastavro
from procstream_common.errors import ProcstreamError

from procstream_producer.encoding import HEADER, MAGIC_BYTE
from procstream_producer.timestamps import iso


class DecodingError(ProcstreamError):
    """The bytes do not match their header."""


class Decoder:
    """Decodes keys and values: Confluent-framed Avro, else JSON, else text, else base64.

    Args:
        schema_text: looks up a schema by the registry's id. A ProcstreamError becomes the record's error.
            Schemas are cached.
    """

    def __init__(self, schema_text: Callable[[int], str]) -> None:
        self._schema_text = schema_text
        self._schemas: dict[int, Any] = {}

    def decode(self, data: bytes | None) -> Any:
        """A JSON value for `data`; null for a tombstone.

        Raises:
            ProcstreamError: the data has the Confluent header and cannot be decoded.
        """
        if data is None:
            return None
        if len(data) >= HEADER.size and data[0] == MAGIC_BYTE:
            return self._decode_avro(data)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return as_base64(data)
        try:
            return json_value(json.loads(text))
        except json.JSONDecodeError:
            return text

    def _decode_avro(self, data: bytes) -> Any:
        _, schema_id = HEADER.unpack_from(data)
        schema = self._schema(schema_id)
        body = BytesIO(data[HEADER.size :])
        try:
            value = json_value(fastavro.schemaless_reader(body, schema, None))
        except Exception as error:  # fastavro raises many classes, depending on the bytes
            raise DecodingError(
                f"found bytes that are no record of schema id {schema_id} ({error or type(error).__name__})"
            ) from None
        if rest := len(body.read()):
            raise DecodingError(
                f"found {rest} bytes after the record of schema id {schema_id}, expected none"
            )
        return value

    def _schema(self, schema_id: int) -> Any:
        if schema_id not in self._schemas:
            text = self._schema_text(schema_id)
            try:
                self._schemas[schema_id] = fastavro.parse_schema(json.loads(text))
            except Exception as error:
                raise DecodingError(f"schema id {schema_id}: expected an Avro schema ({error})") from None
        return self._schemas[schema_id]


def as_base64(data: bytes) -> dict[str, str]:
    """Bytes that are not text, in base64."""
    return {"base64": base64.b64encode(data).decode()}


def json_value(value: Any) -> Any:
    """`value` with everything that JSON lacks (times, decimals, bytes, NaN) as text."""
    match value:
        case dict():
            return {str(key): json_value(item) for key, item in value.items()}
        case list() | tuple():
            return [json_value(item) for item in value]
        case dt.datetime():
            return iso(value)
        case dt.date() | dt.time():
            return value.isoformat()
        case bytes():
            return as_base64(value)
        case float() if not math.isfinite(value):
            return str(value)
        case Decimal() | uuid.UUID() | dt.timedelta():
            return str(value)
        case _:
            return value
