"""What happened while a live system was read, and must not be taken for a fault: each doubt is looked into."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final
from uuid import UUID

from audit.facts import Output
from audit.violation import Doubt, Position, Violation

_AT_ONCE: Final = 1_000


class Doubts:
    """Lets through what stays a violation; `explained` counts the others by what explains them."""

    def __init__(
        self,
        still_parked: Callable[[Iterable[Position]], set[Position]],
        has: Callable[[Position], bool],
        later_orders: Callable[[], Iterable[Output]],
    ) -> None:
        """Questions to the live system.

        Which of some raw events wait even now, whether a log has a record at a place even now, and the records that
        have come to the orders' topic behind its end as it was read.
        """
        self._still_parked = still_parked
        self._has = has
        self._later_orders = later_orders
        self._there: dict[Position, bool] = {}
        self.explained: Counter[str] = Counter()

    def ruled_out(self, violations: Iterable[Violation]) -> Iterator[Violation]:
        """The violations of which no doubt is left."""
        left = iter(violations)
        while batch := list(islice(left, _AT_ONCE)):
            kinds: dict[Doubt | None, list[Violation]] = defaultdict(list)
            for one in batch:
                kinds[one.doubt].append(one)
            yield from kinds[None]
            yield from self._not_released(kinds[Doubt.RELEASED])
            yield from self._not_compacted(kinds[Doubt.COMPACTED])
            yield from self._not_superseded(kinds[Doubt.SUPERSEDED])

    def _not_released(self, violations: Sequence[Violation]) -> Iterator[Violation]:
        parked = self._still_parked([one.raw for one in violations if one.raw is not None]) if violations else set()
        for one in violations:
            if one.raw in parked:
                yield _certain(one)
            else:
                self.explained["events waited when the audit began, and were decided while it ran"] += 1

    def _not_compacted(self, violations: Sequence[Violation]) -> Iterator[Violation]:
        for one in violations:
            assert one.witness is not None
            if one.witness not in self._there:
                self._there[one.witness] = self._has(one.witness)
            if self._there[one.witness]:
                yield _certain(one)
            else:
                self.explained["versions may have been forgotten by compaction while the audit ran"] += 1

    def _not_superseded(self, violations: Sequence[Violation]) -> Iterator[Violation]:
        if not violations:
            return
        wanted = {one.key for one in violations}
        newer = {key for output in self._later_orders() if (key := str(UUID(bytes=output.key))) in wanted}
        for one in violations:
            if one.key in newer:
                self.explained["versions may have been forgotten by compaction while the audit ran"] += 1
            else:
                yield _certain(one)


def _certain(violation: Violation) -> Violation:
    return replace(violation, doubt=None, witness=None)
