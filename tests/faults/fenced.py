"""A broker that answers, and says that the cluster has no broker: as all do while every one of them is fenced."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator

from tests.faults.wire import KafkaWire

_METADATA = 3
"""Kafka's api key of Metadata."""
_FIRST_FLEXIBLE = 9
"""Its first version with compact arrays and tagged fields (Kafka protocol guide, "Metadata")."""


class FencedWire(KafkaWire):
    """A connection on which answers about the cluster lose their brokers while `fenced` is set."""

    def __init__(self, fenced: threading.Event) -> None:
        super().__init__()
        self._fenced = fenced
        self._metadata: dict[int, int] = {}
        """Version of each request for metadata under way, by its correlation id."""

    def from_client(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        for label, frame in super().from_client(data):
            key, version, correlation = struct.unpack_from(">hhi", frame, 4)
            if key == _METADATA:
                self._metadata[correlation] = version
            yield label, frame

    def from_server(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        for label, frame in super().from_server(data):
            version = self._metadata.pop(struct.unpack_from(">i", frame, 4)[0], None)
            yield label, frame if version is None or not self._fenced.is_set() else without_brokers(frame, version)


def without_brokers(frame: bytes, version: int) -> bytes:
    """A Metadata response, length first, with an empty list of brokers. Raises ValueError for an old version."""
    if version < _FIRST_FLEXIBLE:
        raise ValueError(f"a Metadata response of version {version} is not understood")
    at = 4 + 4 + 1 + 4  # length, correlation id, no tagged fields, throttle time
    many, rest = _varint(frame, at)
    for _ in range(many - 1):
        rest += 4  # id
        for after in (4, 0):  # host, then the port; rack
            length, rest = _varint(frame, rest)
            rest += max(length - 1, 0) + after
        rest += 1  # no tagged fields
    body = frame[4:at] + b"\x01" + frame[rest:]
    return struct.pack(">i", len(body)) + body


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned variable-length integer, and where it ends."""
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
