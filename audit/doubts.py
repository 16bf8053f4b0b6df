"""What happened while a live system was read, and must not be taken for a fault: each doubt is asked for once more."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from audit.database import still_parked
from audit.kafka import Kafka, Key
from audit.violation import Doubt, Violation

_AT_ONCE: Final = 1_000
_SAMPLES: Final = 20


class Doubts:
    """Lets through what stays a violation; `explained` counts the others by what explains them."""

    def __init__(self, kafka: Kafka, database_url: str | None) -> None:
        self._kafka = kafka
        self._database_url = database_url
        self._compacted: dict[Key, bool] = {}
        self.explained: Counter[str] = Counter()

    def ruled_out(self, violations: Iterable[Violation]) -> Iterator[Violation]:
        """The violations without a doubt left. Raises NotAudited."""
        left = iter(violations)
        while batch := list(islice(left, _AT_ONCE)):
            kinds: dict[Doubt | None, list[Violation]] = defaultdict(list)
            for one in batch:
                kinds[one.doubt].append(one)
            yield from kinds[None]
            yield from self._not_released(kinds[Doubt.RELEASED])
            yield from self._not_compacted(kinds[Doubt.COMPACTED])

    def _not_released(self, violations: Sequence[Violation]) -> Iterator[Violation]:
        if not violations or self._database_url is None:
            return
        parked = still_parked(self._database_url, [one.raw for one in violations if one.raw is not None])
        for one in violations:
            if one.raw in parked:
                yield replace(one, doubt=None)
            else:
                self.explained["events waited when the audit began, and were decided while it ran"] += 1

    def _not_compacted(self, violations: Sequence[Violation]) -> Iterator[Violation]:
        """A gap is Kafka's doing only if the record before it, which is older, has gone as well."""
        places: dict[Key, list[int]] = defaultdict(list)
        for one in violations:
            if one.output is not None:
                places[one.output[:2]].append(one.output.offset)
        for key, offsets in places.items():
            if key not in self._compacted:
                self._compacted[key] = not all(self._kafka.has(key, offset) for offset in offsets[:_SAMPLES])
        for one in violations:
            if one.output is not None and self._compacted[one.output[:2]]:
                self.explained["gaps are in logs that were compacted while they were read"] += 1
            else:
                yield replace(one, doubt=None)
