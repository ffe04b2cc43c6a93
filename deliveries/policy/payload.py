"""The payload codec: event data as bytes whose first byte names the encoding.

Encodings can be added (encryption under a key id is foreseen) without touching a table.
"""

from __future__ import annotations

import zlib

PLAIN = b"\x00"
DEFLATED = b"\x01"
# Below this, compression saves less than it costs the worker that has to undo it.
COMPRESS_FROM_BYTES = 4096


class UnknownEncoding(ValueError):
    """The first byte names no encoding that this version knows."""


class Damaged(ValueError):
    """The bytes are not what was stored."""


def encode(data: bytes) -> bytes:
    """Wrap the producer's bytes for storage; large ones are compressed when that makes them smaller."""
    if len(data) >= COMPRESS_FROM_BYTES:
        deflated = zlib.compress(data, 1)
        if len(deflated) < len(data):
            return DEFLATED + deflated
    return PLAIN + data


def decode(stored: bytes) -> bytes:
    """Return the producer's bytes; raises `UnknownEncoding` or `Damaged`."""
    encoding = stored[:1]
    if encoding == PLAIN:
        return stored[1:]
    if encoding == DEFLATED:
        try:
            return zlib.decompress(stored[1:])
        except zlib.error as error:
            raise Damaged("the compressed payload cannot be read back") from error
    raise UnknownEncoding(f"payload encoding {encoding.hex() or 'missing'} is not known")
