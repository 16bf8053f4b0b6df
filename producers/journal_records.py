"""Output records as one value: what the journal keeps, byte for byte what Kafka will get."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from producers.records import OutputRecord

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[OutputRecord])


def pack(records: Sequence[OutputRecord]) -> bytes:
    """Serialise output records; the order is kept."""
    return _encoder.encode(records)


def unpack(packed: bytes) -> list[OutputRecord]:
    """The inverse of `pack`. Raises msgspec.DecodeError when the bytes are damaged."""
    return _decoder.decode(packed)
