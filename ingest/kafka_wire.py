"""The Kafka protocol on the wire, as far as something is needed that confluent-kafka does not offer.

PLAINTEXT only. Encoding: Kafka protocol guide, "Protocol Primitive Types" and "Record Batch"; header versions and
flexible encoding: KIP-482. A version is named for each request, the lowest that Kafka 4 still serves.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

_CLIENT: Final = b"ordergate-recover"
_CONNECT_S: Final = 3.0
"""A broker whose machine is gone refuses nothing; another one may answer."""
_TIMEOUT_S: Final = 15.0
_MOST_BYTES: Final = 256 * 1024 * 1024


class WireError(Exception):
    """A broker closed the connection, or its answer is not of the protocol."""


@dataclass(frozen=True, slots=True)
class Api:
    """One request type in one version; flexible ones have compact lengths and tagged fields."""

    key: int
    version: int
    flexible: bool


class Writer:
    """Writes a request's body."""

    def __init__(self, api: Api) -> None:
        self._flexible = api.flexible
        self._bytes = bytearray()

    def int8(self, value: int) -> Self:  # noqa: D102 -- named after its Kafka type
        self._bytes += struct.pack("!b", value)
        return self

    def int16(self, value: int) -> Self:  # noqa: D102 -- named after its Kafka type
        self._bytes += struct.pack("!h", value)
        return self

    def int32(self, value: int) -> Self:  # noqa: D102 -- named after its Kafka type
        self._bytes += struct.pack("!i", value)
        return self

    def int64(self, value: int) -> Self:  # noqa: D102 -- named after its Kafka type
        self._bytes += struct.pack("!q", value)
        return self

    def string(self, value: str) -> Self:  # noqa: D102 -- named after its Kafka type
        encoded = value.encode()
        if self._flexible:
            self._bytes += unsigned_varint(len(encoded) + 1)
        else:
            self.int16(len(encoded))
        self._bytes += encoded
        return self

    def array(self, length: int) -> Self:
        """The length of an array; its elements follow."""
        if self._flexible:
            self._bytes += unsigned_varint(length + 1)
            return self
        return self.int32(length)

    def end(self) -> Self:
        """The end of a structure: no tagged fields."""
        if self._flexible:
            self._bytes += b"\0"
        return self

    def taken(self) -> bytes:
        """What was written."""
        return bytes(self._bytes)


class Reader:
    """Reads an answer's body. Raises WireError when it ends too early."""

    def __init__(self, data: bytes, *, flexible: bool = False) -> None:
        self._data = data
        self._at = 0
        self._flexible = flexible

    def int8(self) -> int:  # noqa: D102 -- named after its Kafka type
        return self._integer("!b", 1)

    def int16(self) -> int:  # noqa: D102 -- named after its Kafka type
        return self._integer("!h", 2)

    def int32(self) -> int:  # noqa: D102 -- named after its Kafka type
        return self._integer("!i", 4)

    def int64(self) -> int:  # noqa: D102 -- named after its Kafka type
        return self._integer("!q", 8)

    def string(self) -> str | None:
        """A text, None for null."""
        length = self._length(self.int16)
        return None if length < 0 else self.take(length).decode()

    def data(self) -> bytes:
        """Bytes; null is empty."""
        return self.take(max(self._length(self.int32), 0))

    def array(self) -> range:
        """To be iterated, once per element; null is empty."""
        return range(max(self._length(self.int32), 0))

    def end(self) -> None:
        """Skip the tagged fields at the end of a structure."""
        if self._flexible:
            for _ in range(self.unsigned_varint()):
                self.unsigned_varint()
                self.take(self.unsigned_varint())

    def varint(self) -> int:
        """A zigzag-encoded integer, as in records."""
        value = self.unsigned_varint()
        return (value >> 1) ^ -(value & 1)

    def unsigned_varint(self) -> int:  # noqa: D102 -- named after its Kafka type
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def take(self, length: int) -> bytes:
        """The next bytes."""
        taken = self._data[self._at : self._at + length]
        if len(taken) < length:
            raise WireError("an answer ends too early")
        self._at += length
        return taken

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._at

    def _integer(self, layout: str, length: int) -> int:
        return int(struct.unpack(layout, self.take(length))[0])

    def _length(self, plain: Callable[[], int]) -> int:
        return self.unsigned_varint() - 1 if self._flexible else plain()


class Broker:
    """A connection to one broker; one request at a time. Raises WireError or OSError."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), _CONNECT_S)
        self._socket.settimeout(_TIMEOUT_S)
        self._correlation = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, api: Api, body: Writer) -> Reader:
        """Send a request and wait for its answer."""
        self._correlation += 1
        header = struct.pack("!hhih", api.key, api.version, self._correlation, len(_CLIENT)) + _CLIENT
        request = header + (b"\0" if api.flexible else b"") + body.taken()
        self._socket.sendall(struct.pack("!i", len(request)) + request)
        (length,) = struct.unpack("!i", self._received(4))
        if not 4 <= length <= _MOST_BYTES:
            raise WireError(f"an answer of {length} bytes")
        answer = Reader(self._received(length), flexible=api.flexible)
        if answer.int32() != self._correlation:
            raise WireError("an answer to another request")
        answer.end()
        return answer

    def _received(self, length: int) -> bytes:
        parts = bytearray()
        while len(parts) < length:
            part = self._socket.recv(length - len(parts))
            if not part:
                raise WireError("the broker closed the connection")
            parts += part
        return bytes(parts)


def unsigned_varint(value: int) -> bytes:
    """Seven bits a byte, lowest first, the high bit set on all but the last."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
