"""In order: the versions of each order and of each guest are contiguous and rise in partition order."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from audit.evidence import EXCUSED, NOT_IN_A_LOG, ByKey
from audit.topics import OutputTopics, Role
from audit.violation import Doubt, Kind, Position, Violation

_WHAT: Final = {Role.ORDERS: "order", Role.CHANGES: "order", Role.GUESTS: "guest"}

_NEVER: Final = 1 << 63

Row = tuple[int, bytes, int, int, int, int, bytes]
"""The fields of `ByKey`: role, key, partition, offset, version, cause, identity."""


@dataclass(frozen=True, slots=True)
class Logs:
    """What is known of the output topics.

    `whole`: partitions of which nothing is missing at the start. `cleaned`: for those of compacted topics, an offset
    that the cleaner has not passed. It leaves one record of a key, the newest, below the offset that it has
    come to, and all of them above (Kafka documentation, "Log Compaction"). So only a key's oldest versions are ever
    forgotten, only those of a key that begins below that offset, and what is left is contiguous all the same.
    """

    topics: OutputTopics
    whole: frozenset[tuple[Role, int]]
    cleaned: Mapping[tuple[Role, int], int]

    def may_forget(self, first: ByKey) -> bool:
        """Whether versions before this one, the first of its key, may have been forgotten by compaction."""
        return first.offset < self.cleaned.get((Role(first.role), first.partition), 0)

    def starts(self, first: ByKey) -> bool:
        """Whether this one, the first of its key, has to be version 1."""
        return (Role(first.role), first.partition) in self.whole and not self.may_forget(first)


def cleaned(by_key: Iterable[Row], compacted: Iterable[tuple[Role, int]]) -> dict[tuple[Role, int], int]:
    """For each compacted partition, the first offset at which a key's second record is: nothing is cleaned there."""
    bounds = dict.fromkeys(compacted, _NEVER)
    before: Row = (-1, b"", 0, 0, 0, 0, b"")
    for row in by_key:
        place = (Role(row[0]), row[2])
        if row[1] == before[1] and row[2] == before[2] and row[0] == before[0] and row[3] < bounds.get(place, 0):
            bounds[place] = row[3]
        before = row
    return bounds


def out_of_sequence(by_key: Iterable[Row], logs: Logs, position: Callable[[int], Position]) -> Iterator[Violation]:
    """Every record out of place, and every version that is not there.

    `by_key` sorted by role, key, partition and offset; `position` unpacks a raw position.
    """
    of_key: list[Row] = []
    role, key = -1, b""
    for row in by_key:
        if row[1] != key or row[0] != role:
            if of_key and not _in_sequence(of_key, logs):
                yield from _Key(of_key, logs, position).violations()
            role, key = row[0], row[1]
            of_key = [row]
        else:
            of_key.append(row)
    if of_key and not _in_sequence(of_key, logs):
        yield from _Key(of_key, logs, position).violations()


def _in_sequence(rows: Sequence[Row], logs: Logs) -> bool:
    """Whether all is well: one partition, no gap, and a beginning that is right or cannot be judged."""
    _, _, partition, _, version, _, _ = rows[0]
    if partition == NOT_IN_A_LOG or (version != 1 and logs.starts(ByKey(*rows[0]))):
        return False
    for row in rows:
        if row[2] != partition or row[4] != version:
            return False
        version += 1
    return True


class _Key:
    """One key of one topic whose records are not simply in order."""

    def __init__(self, rows: Iterable[Row], logs: Logs, position: Callable[[int], Position]) -> None:
        self._logs = logs
        self._position = position
        records = [ByKey(*row) for row in rows]
        self._role = Role(records[0].role)
        self._topic = logs.topics[self._role]
        self._key = str(UUID(bytes=records[0].key))
        self._named = f"{_WHAT[self._role]} {self._key}"
        self._expected = [one for one in records if one.partition == NOT_IN_A_LOG]
        self._records: list[ByKey] = []
        seen: set[tuple[int, bytes]] = set()
        for one in records[: len(records) - len(self._expected)]:
            # A record published twice is named as that; here it counts once.
            if (one.version, one.identity) not in seen:
                seen.add((one.version, one.identity))
                self._records.append(one)

    def violations(self) -> Iterator[Violation]:
        """Everything that is wrong with it."""
        present = {one.version for one in self._records}
        home = Counter(one.partition for one in self._records).most_common(1)[0][0] if self._records else 0
        at_home: dict[int, ByKey] = {}
        for one in self._records:
            if one.partition != home:
                what = f"is in another partition than the other records of {self._named}, which are in {home}"
                yield self._wrong(Kind.PARTITION_DIFFERS, one, what)
            elif one.version in at_home:
                what = f"gives {self._named} version {one.version} again, after {self._place(at_home[one.version])}"
                yield self._wrong(Kind.VERSION_OUT_OF_ORDER, one, what)
            else:
                at_home[one.version] = one
        rising = _longest_rising(list(at_home.values()))
        for one in at_home.values():
            if one not in rising:
                what = f"has version {one.version} of {self._named} out of order"
                yield self._wrong(Kind.VERSION_OUT_OF_ORDER, one, what)
        accounted = set(present)
        for one in self._expected:
            accounted.add(one.version)
            if one.identity == EXCUSED or one.version in present or self._forgotten(one, rising):
                continue
            cause = self._position(one.cause)
            sentence = f"{cause} should have version {one.version} of {self._named} on {self._topic}: it is not there"
            yield Violation(Kind.OUTPUT_MISSING, sentence, raw=cause, key=self._key, version=one.version)
        yield from self._gaps(rising, accounted)

    def _forgotten(self, expected: ByKey, rising: Sequence[ByKey]) -> bool:
        return bool(rising) and expected.version < rising[0].version and self._logs.may_forget(rising[0])

    def _gaps(self, rising: Sequence[ByKey], accounted: set[int]) -> Iterator[Violation]:
        after: ByKey | None = None
        for one in rising:
            if after is not None or self._logs.starts(one):
                first = after.version + 1 if after is not None else 1
                for start, end in _missing(first, one.version, accounted):
                    yield self._gap(start, end, after, one)
            after = one

    def _gap(self, start: int, end: int, after: ByKey | None, before: ByKey) -> Violation:
        versions = f"version {start} is" if start == end else f"versions {start} to {end} are"
        where = f"between {self._place(after)} and {self._place(before)}" if after else f"before {self._place(before)}"
        doubt = Doubt.COMPACTED if (self._role, before.partition) in self._logs.cleaned else None
        return Violation(
            Kind.VERSION_MISSING, f"{self._topic}: {versions} missing of {self._named}, {where}",
            output=self._place(after or before), key=self._key, version=start, doubt=doubt,
        )  # fmt: skip

    def _wrong(self, kind: Kind, one: ByKey, what: str) -> Violation:
        place = self._place(one)
        raw = self._position(one.cause) if one.cause else None
        return Violation(kind, f"{place} {what}", raw=raw, output=place, key=self._key, version=one.version)

    def _place(self, one: ByKey) -> Position:
        return Position(self._topic, one.partition, one.offset)


def _longest_rising(records: Sequence[ByKey]) -> list[ByKey]:
    """The longest part of them whose versions rise: what is not in it is what has to be moved.

    Patience sorting, O(n log n): Fredman, "On computing the length of longest increasing subsequences" (1975).
    """
    tops: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for number, one in enumerate(records):
        pile = bisect_left(tops, one.version)
        before.append(at[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [one.version]
        at[pile : pile + 1] = [number]
    found: list[ByKey] = []
    number = at[-1] if at else -1
    while number >= 0:
        found.append(records[number])
        number = before[number]
    return found[::-1]


def _missing(first: int, end: int, accounted: set[int]) -> Iterator[tuple[int, int]]:
    """What of the versions from `first` to below `end` is not accounted for, as inclusive ranges."""
    for version in [*sorted(one for one in accounted if first <= one < end), end]:
        if version > first:
            yield first, version - 1
        first = version + 1
