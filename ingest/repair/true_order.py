"""The order in which raw events of several partitions were decided, as the output topics tell it. Pure.

Within a partition the log tells it. Across partitions, the versions of an order and of a guest do: what caused version
4 was decided before what caused version 5. An event of an order that caused nothing came too late for one of these
versions, most often: it repeats it, or is older.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from consumers.kafka_source import PartitionKey
from ingest.raw_event import RawEvent


class Cause(NamedTuple):
    """The raw position that caused an output record."""

    partition: PartitionKey
    offset: int

    @classmethod
    def parse(cls, header: bytes) -> Cause:
        """From the header `ordergate_cause`. Raises ValueError for anything else."""
        topic, number, offset = header.decode().rsplit("/", 2)
        return cls((topic, int(number)), int(offset))


Version = tuple[str, int, Cause]
"""Output topic with key (what is versioned), version, and its cause."""


def predecessors(versions: Iterable[Version]) -> dict[Cause, set[Cause]]:
    """For each cause, the causes in other partitions that come before it."""
    of: defaultdict[str, list[tuple[int, Cause]]] = defaultdict(list)
    for versioned, version, cause in versions:
        of[versioned].append((version, cause))
    before: defaultdict[Cause, set[Cause]] = defaultdict(set)
    for caused in of.values():
        caused.sort()
        for (_, earlier), (_, later) in pairwise(caused):
            if earlier.partition != later.partition:
                before[later].add(earlier)
    return dict(before)


def latecomers(
    versions: Iterable[Version], caused: Collection[Cause], versioned_by: Callable[[RawEvent], str | None]
) -> Callable[[RawEvent], list[Cause]]:
    """What tells of an event that caused nothing the causes of the versions it may have come too late for.

    `caused`: every cause of an output; `versioned_by`: what an event would make a version of, None if nothing.
    """
    of: defaultdict[str, list[Cause]] = defaultdict(list)
    for versioned, _, cause in versions:
        of[versioned].append(cause)

    def late_for(event: RawEvent) -> list[Cause]:
        if Cause((event.topic, event.partition), event.offset) in caused:
            return []
        return of.get(versioned_by(event) or "", [])

    return late_for


def in_true_order(
    logs: Mapping[PartitionKey, Iterator[RawEvent]],
    before: Mapping[Cause, set[Cause]],
    late_for: Callable[[RawEvent], Iterable[Cause]],
) -> Iterator[RawEvent]:
    """The events of all logs, each log in its order, none before what comes before it.

    Where nothing says which of two events was first, the older timestamp is. Where an event waits for one that comes
    after it (it was parked, and decided later), it is let through: it will be parked again.

    `late_for` gives what an event may have come too late for, nothing of one that caused anything. It comes behind all
    of that, but for what has to come behind it in turn; and rather behind some of it than before all. If its bytes came
    before, nothing more is waited for: it only repeats them.
    """
    heads: dict[PartitionKey, RawEvent] = {}
    late: dict[PartitionKey, list[Cause]] = {}
    decided_ms: dict[Cause, int] = {}
    seen: set[int] = set()

    def take_head_of(key: PartitionKey) -> None:
        event = next(logs[key], None)
        if event is not None:
            heads[key] = event
            late[key] = [one for one in late_for(event) if one.partition != key or one.offset < event.offset]

    def doubts(key: PartitionKey) -> tuple[int, int]:
        """How little speaks for deciding on a head now; of the same kind of doubt, the less the smaller."""
        at = heads[key].timestamp_ms
        if not all(_is_decided(one, heads) for one in before.get(Cause(key, heads[key].offset), ())):
            return 3, at
        decided = [one for one in late[key] if _is_decided(one, heads)]
        if len(decided) == len(late[key]) or hash(heads[key].value) in seen:
            return 0, at
        if not decided:
            return 2, at
        # The older it is beside the newest version, the likelier it is that it came too late for that one already.
        return 1, at - max(decided_ms.get(one, at) for one in decided)

    for key in logs:
        take_head_of(key)
    while heads:
        key = min(heads, key=lambda key: (*doubts(key), key))
        event = heads.pop(key)
        decided_ms[Cause(key, event.offset)] = event.timestamp_ms
        seen.add(hash(event.value))
        yield event
        take_head_of(key)


def _is_decided(cause: Cause, heads: Mapping[PartitionKey, RawEvent]) -> bool:
    """Whether an event has been given out: its log's head is further on, or at its end."""
    return cause.partition not in heads or heads[cause.partition].offset > cause.offset
