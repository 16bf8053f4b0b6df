"""What became of the raw events, counted from outside: by the cause that each visible output names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.causes import Cause


@dataclass(frozen=True, slots=True)
class Account:
    """Losses and doubles of one run. Each raw event should have one output."""

    events: int
    lost: int
    """Raw events without an output."""
    doubled: int
    """Outputs beyond the first of their raw event."""
    strange: int
    """Outputs whose cause is none of the raw events."""
    out_of_order: int
    """First outputs that came after a later event's of the same order."""

    @property
    def is_clean(self) -> bool:
        """Whether every raw event has its one output, in order."""
        return not (self.lost or self.doubled or self.strange or self.out_of_order)


def account(events: Mapping[Cause, bytes], outputs: Iterable[Cause]) -> Account:
    """Count. `events`: the key of every raw event by its position; `outputs`: causes in the order of their partition.

    Events with the same key are in the same raw partition, and have to come out in the order of their offsets.
    """
    seen: Counter[Cause] = Counter()
    newest: dict[bytes, int] = {}
    strange = out_of_order = 0
    for cause in outputs:
        key = events.get(cause)
        if key is None:
            strange += 1
            continue
        seen[cause] += 1
        if seen[cause] > 1:
            continue
        if cause.offset < newest.get(key, -1):
            out_of_order += 1
        else:
            newest[key] = cause.offset
    return Account(len(events), len(events) - len(seen), seen.total() - len(seen), strange, out_of_order)
