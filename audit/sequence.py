"""In order: the versions of each order and of each guest are contiguous and rise in partition order."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypedDict
from uuid import UUID

from audit.compaction import Compaction, Row
from audit.evidence import EXCUSED, NOT_IN_A_LOG, ByKey
from audit.topics import OutputTopics, Role
from audit.violation import Doubt, Kind, Position, Violation

_WHAT: Final = {Role.ORDERS: "order", Role.CHANGES: "order", Role.GUESTS: "guest"}


@dataclass(frozen=True, slots=True)
class Logs:
    """What is known of the output topics. `whole`: partitions of which nothing is missing at the start."""

    topics: OutputTopics
    whole: frozenset[tuple[Role, int]]
    compaction: Compaction

    def starts(self, first: ByKey) -> bool:
        """Whether this one, the first of its key, has to be version 1."""
        known = (Role(first.role), first.partition) in self.whole
        return known and not self.compaction.may_have_forgotten_before(first)


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


class _Doubted(TypedDict, total=False):
    doubt: Doubt
    witness: Position


class _Key:
    """One key of one topic whose records are not simply in order."""

    def __init__(self, rows: Iterable[Row], logs: Logs, position: Callable[[int], Position]) -> None:
        self._logs = logs
        self._position = position
        records = [ByKey(*row) for row in rows]
        self._role = Role(records[0].role)
        self._topic = logs.topics[self._role]
        self._key = str(UUID(bytes=records[0].key))
        self._compaction = logs.compaction
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
        in_order = {one.offset for one in rising}
        for one in at_home.values():
            if one.offset not in in_order:
                what = f"has version {one.version} of {self._named} out of order"
                yield self._wrong(Kind.VERSION_OUT_OF_ORDER, one, what)
        expected = {one.version for one in self._expected}
        yield from self._lost(rising, present)
        yield from self._gaps(rising, present | expected)

    def _lost(self, rising: Sequence[ByKey], present: set[int]) -> Iterator[Violation]:
        """Records that outcomes speak of, and that are not there."""
        missing = [one for one in self._expected if one.identity != EXCUSED and one.version not in present]
        if self._compaction.forgets(self._role):
            # Of those before the first one that is there, all but the last may have been forgotten before it was lost.
            before = [one for one in missing if not rising or one.version < rising[0].version]
            forgotten = before if rising and self._compaction.may_have_forgotten_before(rising[0]) else before[:-1]
            missing = [one for one in missing if one not in forgotten]
        for one in missing:
            cause = self._position(one.cause)
            sentence = f"{cause} should have version {one.version} of {self._named} on {self._topic}: it is not there"
            yield Violation(
                Kind.OUTPUT_MISSING, sentence, raw=cause, key=self._key, version=one.version,
                **self._doubt(one.version, rising),
            )  # fmt: skip

    def _gaps(self, rising: Sequence[ByKey], accounted: set[int]) -> Iterator[Violation]:
        """Versions that nobody speaks of, between those that are there."""
        after: ByKey | None = None
        for one in rising:
            if after is not None or self._logs.starts(one):
                first = after.version + 1 if after is not None else 1
                if after is None and self._compaction.forgets(self._role):
                    first = one.version - 1
                for start, end in _missing(first, one.version, accounted):
                    yield self._gap(start, end, after, one, rising)
            after = one

    def _gap(self, start: int, end: int, after: ByKey | None, before: ByKey, rising: Sequence[ByKey]) -> Violation:
        versions = f"version {start} is" if start == end else f"versions {start} to {end} are"
        where = f"between {self._place(after)} and {self._place(before)}" if after else f"before {self._place(before)}"
        return Violation(
            Kind.VERSION_MISSING, f"{self._topic}: {versions} missing of {self._named}, {where}",
            output=self._place(after or before), key=self._key, version=start, **self._doubt(start, rising),
        )  # fmt: skip

    def _doubt(self, version: int, rising: Sequence[ByKey]) -> _Doubted:
        """What compaction could have to do with a version that is not there, if it ran while the log was read."""
        if not self._compaction.forgets(self._role):
            return {}
        if not rising or version > rising[-1].version:
            return {"doubt": Doubt.SUPERSEDED}
        older = [one for one in rising if one.version < version]
        if older:
            return {"doubt": Doubt.COMPACTED, "witness": self._place(older[-1])}
        partition = rising[0].partition
        witness = Position(self._topic, partition, self._compaction.witness(self._role, partition))
        return {"doubt": Doubt.COMPACTED, "witness": witness}

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
