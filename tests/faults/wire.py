"""Just enough of two wire protocols to cut a connection at the one message that matters.

Kafka: requests and responses are length-prefixed; a response is known by its request's correlation id
(Kafka protocol guide, "Protocol Primitives"). PostgreSQL: typed, length-prefixed messages after an untyped start
(PostgreSQL documentation, "Message Formats").
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Protocol

END_TXN = 26
"""Kafka's api key of EndTxn: the request that commits or aborts a transaction."""

COMMIT_ASKED = "commit asked"
COMMIT_ANSWERED = "commit answered"
OTHER = "other"


class Wire(Protocol):
    """One connection's two directions: gives whole messages with what they are."""

    def from_client(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """Messages that are complete with these bytes."""
        ...

    def from_server(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """The same in the other direction."""
        ...


class KafkaWire:
    """A connection to a broker; EndTxn is the commit."""

    def __init__(self) -> None:
        self._asked = bytearray()
        self._answered = bytearray()
        self._ends: set[int] = set()

    def from_client(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        self._asked += data
        for frame in _frames(self._asked):
            key, _version, correlation = struct.unpack_from(">hhi", frame, 4)
            if key == END_TXN:
                self._ends.add(correlation)
            yield COMMIT_ASKED if key == END_TXN else OTHER, frame

    def from_server(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        self._answered += data
        for frame in _frames(self._answered):
            (correlation,) = struct.unpack_from(">i", frame, 4)
            end = correlation in self._ends
            self._ends.discard(correlation)
            yield COMMIT_ANSWERED if end else OTHER, frame


class PostgresWire:
    """A connection to PostgreSQL; a query that is just COMMIT, and the completion of it."""

    _START_CODES = frozenset({80877102, 80877103, 80877104})  # cancel, SSL and GSS requests: another start follows

    def __init__(self) -> None:
        self._asked = bytearray()
        self._answered = bytearray()
        self._client_typed = False
        self._server_typed = False

    def from_client(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        self._asked += data
        while True:
            if self._client_typed:
                yield from ((_labelled(m, b"Q", COMMIT_ASKED), m) for m in _typed(self._asked))
                return
            if len(self._asked) < 8:
                return
            length, code = struct.unpack_from(">ii", self._asked)
            if len(self._asked) < length:
                return
            message = bytes(self._asked[:length])
            del self._asked[:length]
            self._client_typed = code not in self._START_CODES
            yield OTHER, message

    def from_server(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        self._answered += data
        if not self._server_typed:
            if not self._client_typed:  # one letter answers a request for encryption
                message = bytes(self._answered)
                self._answered.clear()
                yield OTHER, message
                return
            self._server_typed = True
        yield from ((_labelled(m, b"C", COMMIT_ANSWERED), m) for m in _typed(self._answered))


def _labelled(message: bytes, kind: bytes, label: str) -> str:
    return label if message[:1] == kind and message[5:] == b"COMMIT\0" else OTHER


def _frames(buffer: bytearray) -> Iterator[bytes]:
    while len(buffer) >= 4:
        end = 4 + struct.unpack_from(">i", buffer)[0]
        if len(buffer) < end:
            return
        frame = bytes(buffer[:end])
        del buffer[:end]
        yield frame


def _typed(buffer: bytearray) -> Iterator[bytes]:
    while len(buffer) >= 5:
        end = 1 + struct.unpack_from(">i", buffer, 1)[0]
        if len(buffer) < end:
            return
        message = bytes(buffer[:end])
        del buffer[:end]
        yield message
