"""Raw logs that were made again: one position means two events, and an output may be of the former one.

After a topic was deleted and made again, or lost its end, `ordergate recover` keeps the outcomes of the former log
under the name `<topic>@<topic id>.<epoch>`. Outputs of both logs name the same positions: a surplus there is no proof.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from audit.database import Key
from audit.violation import Kind, Violation

_AMBIGUOUS: Final = frozenset(
    {Kind.OUTPUT_SURPLUS, Kind.OUTPUT_DIFFERS, Kind.OUTPUT_WITHOUT_CAUSE, Kind.ORIGINAL_DIFFERS}
)
"""What an output of the former log looks like beside the present one."""


class Remade:
    """Lets through what stays a violation; `explained` counts what outputs of a former log explain."""

    def __init__(self, former: Mapping[Key, range]) -> None:
        """`former`: the offsets that were decided in each raw partition's former logs."""
        self._former = former
        self.explained: Counter[str] = Counter()

    def ruled_out(self, violations: Iterable[Violation]) -> Iterator[Violation]:
        """The violations that no output of a former log explains."""
        for one in violations:
            place = one.raw
            if place and one.kind in _AMBIGUOUS and place.offset in self._former.get(place[:2], ()):
                self.explained["outputs name positions that a former log of their topic had, too"] += 1
            else:
                yield one
