"""What an audit says in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from audit.violation import Kind, Violation


@dataclass(frozen=True, slots=True)
class JudgedPartition:
    """A raw partition with what was judged of it: offsets from `first` to below `fence`."""

    topic: str
    partition: int
    first: int
    fence: int


@dataclass(slots=True)
class Report:
    """Counts, violations and what could not be judged.

    `violations` are the first ones as far as they were kept, `counted` are all, by kind.
    """

    most: int = 100
    """How many violations are kept."""
    judged: list[JudgedPartition] = field(default_factory=list)
    records: Counter[str] = field(default_factory=Counter)
    """Records read, by topic."""
    events: int = 0
    """Raw events judged."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Raw events judged, by outcome; empty without a database."""
    violations: list[Violation] = field(default_factory=list)
    counted: Counter[Kind] = field(default_factory=Counter)
    not_judged: list[str] = field(default_factory=list)
    """What cannot be told from what was read, one sentence each."""
    seconds: float = 0.0

    def add(self, violations: Iterable[Violation]) -> None:
        """Count violations, and keep the first ones."""
        for one in violations:
            self.counted[one.kind] += 1
            if len(self.violations) < self.most:
                self.violations.append(one)

    @property
    def clean(self) -> bool:
        """Whether nothing that was judged breaks a promise."""
        return not self.counted
