"""Everything that was read, packed and sorted the three ways in which it is judged: by id, by key and by cause."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from audit.facts import Outcome, Output, RawEvent
from audit.spill import Sorter
from audit.topics import Role
from audit.violation import Position

_OFFSET_BITS: Final = 48
OFFSETS: Final = (1 << _OFFSET_BITS) - 1
"""The bits of a packed position that are its offset."""
NOT_IN_A_LOG: Final = 0xFFFFFFFF
"""In place of a partition: a record that an outcome speaks of, and that its cause does not show."""
MISSED: Final = b"missed\0\0"
"""The identity of such a record."""
EXCUSED: Final = b"excused\0"
"""The identity of one that need not be looked for: another record is named in its place."""

OUTCOMES: Final = ("GOVERNED", "HELD", "PARKED", "QUARANTINED", "DUPLICATE", "STALE", "IGNORED")


class ById(NamedTuple):
    """An output, to be found twice."""

    role: int
    identity: bytes
    partition: int
    offset: int


class ByKey(NamedTuple):
    """A numbered output in the order of its partition; or, NOT_IN_A_LOG, one that an outcome speaks of."""

    role: int
    key: bytes
    partition: int
    offset: int
    version: int
    cause: int
    identity: bytes


class ByCause(NamedTuple):
    """An output of a raw event."""

    cause: int
    role: int
    partition: int
    offset: int
    key: bytes
    version: int
    identity: bytes
    original: bytes


class RawFact(NamedTuple):
    """A raw event."""

    position: int
    timestamp_ms: int
    original: bytes


class OutcomeFact(NamedTuple):
    """An outcome; `order_id` zeros and `version` 0 for none."""

    position: int
    outcome: int
    order_id: bytes
    version: int
    outputs: int
    recorded_ms: int


class Evidence:
    """Takes facts in any order; gives them back sorted. Closed at the end of `with`, its files go."""

    def __init__(self, folder: Path | None = None) -> None:
        self._open = ExitStack()
        self.by_id = self._open.enter_context(Sorter(">B16sIQ", folder))
        self.by_key = self._open.enter_context(Sorter(">B16sIQqQ8s", folder))
        self.by_cause = self._open.enter_context(Sorter(">QBIQ16sq8s8s", folder))
        self.raw = self._open.enter_context(Sorter(">QQ8s", folder))
        self.outcomes = self._open.enter_context(Sorter(">QB16sqIQ", folder))
        self.since_ms: dict[tuple[Role, int], int] = {}
        """Timestamp of the first record of each output partition."""
        self.outcome_names = list(OUTCOMES)
        self._indexes: dict[tuple[str, int], int] = {}
        # Counted from 1: the packed position 0 is none.
        self._partitions: list[tuple[str, int]] = [("", 0)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def take_raw(self, events: Iterable[RawEvent]) -> None:
        """Keep raw events."""
        add, pack, packed = self.raw.add, self.raw.pack, self.packed
        for topic, partition, offset, timestamp_ms, original in events:
            add(pack(packed(topic, partition, offset), max(timestamp_ms, 0), original))

    def take_outcomes(self, outcomes: Iterable[Outcome]) -> None:
        """Keep outcomes."""
        names = {name: number for number, name in enumerate(self.outcome_names)}
        add, pack, packed = self.outcomes.add, self.outcomes.pack, self.packed
        for topic, partition, offset, outcome, order_id, version, outputs, recorded_ms in outcomes:
            if outcome not in names:
                names[outcome] = len(names)
                self.outcome_names.append(outcome)
            position = packed(topic, partition, offset)
            add(pack(position, names[outcome], order_id or b"", version or 0, outputs, recorded_ms))

    def take_outputs(self, outputs: Iterable[Output]) -> None:
        """Keep outputs, those of a partition by rising offset."""
        by_id, pack_id = self.by_id.add, self.by_id.pack
        by_key, pack_key = self.by_key.add, self.by_key.pack
        by_cause, pack_cause = self.by_cause.add, self.by_cause.pack
        since_ms, indexes = self.since_ms, self._indexes
        for role, partition, offset, timestamp_ms, identity, key, version, cause, cause_offset, original in outputs:
            if (role, partition) not in since_ms:
                since_ms[role, partition] = timestamp_ms
            by_id(pack_id(role, identity, partition, offset))
            packed = 0
            if cause is not None:
                index = indexes.get(cause)
                packed = (self._index(cause) if index is None else index) << _OFFSET_BITS | cause_offset
                by_cause(pack_cause(packed, role, partition, offset, key, version, identity, original))
            if version > 0:
                by_key(pack_key(role, key, partition, offset, version, packed, identity))

    def expect(self, role: Role, key: bytes, version: int, cause: int, identity: bytes) -> None:
        """Keep a numbered output that its cause does not show: MISSED or EXCUSED."""
        self.by_key.add(self.by_key.pack(role, key, NOT_IN_A_LOG, 0, version, cause, identity))

    def packed(self, topic: str, partition: int, offset: int) -> int:
        """A raw position as one number; positions of one partition sort by offset."""
        index = self._indexes.get((topic, partition))
        return (self._index((topic, partition)) if index is None else index) << _OFFSET_BITS | offset

    def _index(self, partition: tuple[str, int]) -> int:
        index = self._indexes[partition] = len(self._partitions)
        self._partitions.append(partition)
        return index

    def position(self, packed: int) -> Position:
        """The inverse of `packed`."""
        return Position(*self._partitions[packed >> _OFFSET_BITS], packed & OFFSETS)

    def partition(self, packed: int) -> tuple[str, int]:
        """The raw partition of a packed position."""
        return self._partitions[packed >> _OFFSET_BITS]
