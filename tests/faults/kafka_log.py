"""The broker's files, cut by hand while it is stopped: what a crash or a lost disk does to the end of a log.

Format of a record batch: Kafka protocol guide, "Record Batch".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

_CONTROL = 0x20
_TRANSACTIONAL = 0x10
_HEAD = 61
"""Bytes of a batch before its first record."""


@dataclass(frozen=True)
class Batch:
    """One record batch: where it lies in its segment, and what it is."""

    begin: int
    end: int
    first_offset: int
    producer_id: int
    is_transactional: bool
    is_marker: bool


class PartitionLog:
    """The newest segment of a partition, in the data folder of a broker that does not run."""

    def __init__(self, data: Path, topic: str, partition: int) -> None:
        self._data = data
        self.name = f"{topic}/{partition}"
        self._folder = data / f"{topic}-{partition}"
        self._segment = max(self._folder.glob("*.log"))

    def batches(self) -> list[Batch]:
        """Every batch of the segment."""
        data, at, found = self._segment.read_bytes(), 0, []
        while at + _HEAD <= len(data):
            first, length = struct.unpack_from(">qi", data, at)
            (attributes,) = struct.unpack_from(">h", data, at + 21)
            (producer,) = struct.unpack_from(">q", data, at + 43)
            end = at + 12 + length
            if length <= 0 or end > len(data):
                break
            found.append(
                Batch(at, end, first, producer, bool(attributes & _TRANSACTIONAL), bool(attributes & _CONTROL))
            )
            at = end
        return found

    def cut(self, at: int) -> None:
        """Remove everything from byte `at` on, and what the broker has derived from it."""
        with self._segment.open("r+b") as segment:
            segment.truncate(at)
        for derived in ("*.index", "*.timeindex", "*.txnindex", "*.snapshot"):
            for file in self._folder.glob(derived):
                file.unlink()
        # Without it the broker believes no file and reads the logs again, as after a crash.
        (self._data / ".kafka_cleanshutdown").unlink(missing_ok=True)
