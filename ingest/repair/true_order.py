"""The order in which raw events of several partitions were decided, as the output topics tell it. Pure.

Within a partition the log tells it. Across partitions, the versions of an order and of a guest do: what caused version
4 was decided before what caused version 5.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
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


def in_true_order(
    logs: Mapping[PartitionKey, Iterator[RawEvent]], before: Mapping[Cause, set[Cause]]
) -> Iterator[RawEvent]:
    """The events of all logs, each log in its order, none before what comes before it.

    Where nothing says which of two events was first, the older timestamp is. Where an event waits for one that comes
    after it (it was parked, and decided later), it is let through: it will be parked again.
    """
    heads = {key: event for key, log in logs.items() if (event := next(log, None)) is not None}
    while heads:
        candidates = sorted(heads, key=lambda key: (heads[key].timestamp_ms, key))
        free = (key for key in candidates if _is_free(heads, before.get(Cause(key, heads[key].offset), ())))
        key = next(free, candidates[0])
        yield heads.pop(key)
        following = next(logs[key], None)
        if following is not None:
            heads[key] = following


def _is_free(heads: Mapping[PartitionKey, RawEvent], predecessors: Iterable[Cause]) -> bool:
    """Whether everything before an event has been given out: its log's head is further on, or at its end."""
    return all(one.partition not in heads or heads[one.partition].offset > one.offset for one in predecessors)
