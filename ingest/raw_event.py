"""A raw event as it was consumed: bytes untouched, with its position in the log."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

RawHeaders = list[tuple[str, bytes | None]]


class RawEvent(NamedTuple):
    """One Kafka record of a raw topic. `timestamp_type` is Kafka's: 1 create time, 2 append time."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: RawHeaders
    timestamp_ms: int
    timestamp_type: int

    @property
    def position(self) -> str:
        """The value of the `ordergate_cause` header: `<topic>/<partition>/<offset>`."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def identity(self) -> str:
        """The position with the record's time: a topic that is made again has the same positions for other events."""
        return f"{self.position}@{self.timestamp_ms}"


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[str, bytes | None]]).decode


def pack_headers(headers: RawHeaders) -> bytes:
    """Headers as one value: order, repeats and nulls are kept."""
    return _encode(headers)


def unpack_headers(packed: bytes) -> RawHeaders:
    """The inverse of `pack_headers`."""
    return _decode(packed)
