"""The verdict on every change of state, precomputed for every ordered pair of states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, Protocol

from msgspec import Struct

from quality.lifecycle.tables import AXES, UNKNOWN, Axis, LifecycleTableError, Table, Tables, canonical


class Verdict(StrEnum):
    """What a change of state means."""

    LEGAL = "LEGAL"
    """Listed as expected, or no change at all, or a first sighting."""
    SKIPPED = "SKIPPED"
    """Not listed, but further along: the states between were passed without an event of their own."""
    WARN = "WARN"
    """A known anomaly, or an illegal change that the channel's contract lets pass."""
    ILLEGAL = "ILLEGAL"
    """Nothing explains it."""


class Statuses(Protocol):
    """One state on each axis."""

    @property
    def order(self) -> str:
        """Of the order axis."""

    @property
    def payment(self) -> str:
        """Of the payment axis."""

    @property
    def fulfilment(self) -> str:
        """Of the fulfilment axis."""


class Transition(Struct, frozen=True):
    """A state that changed, or was seen for the first time (`before` is None)."""

    axis: Axis
    before: str | None
    after: str
    verdict: Verdict
    rule: str | None
    """The rule it breaks; None where it is expected."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a channel changes about the lifecycles. It may let more pass; it can make nothing expected."""

    widen: Mapping[Axis, Literal["all"] | frozenset[tuple[str, str]]] = field(default_factory=dict)
    """Illegal changes that pass as WARN: all of an axis, or (before, after) pairs."""
    entry: Mapping[Axis, frozenset[str]] = field(default_factory=dict)
    """The states the channel's orders are normally first seen in, in place of the table's."""


STRICT: Final = Profile()
"""The tables as they are."""


class Lifecycle:
    """The three lifecycles under one channel's profile."""

    def __init__(self, profile: Profile = STRICT, tables: Tables | None = None) -> None:
        """Precompute every pair; raises LifecycleTableError when the profile names what the tables do not."""
        self._tables = tables or canonical()
        self._judged: dict[tuple[Axis, str, str], tuple[Verdict, str | None]] = {}
        self._entry: dict[Axis, frozenset[str]] = {}
        for axis in AXES:
            table = self._tables.of(axis)
            widened = _widened(axis, table, profile)
            for before, after in _pairs(table):
                verdict = base_verdict(table, before, after)
                judged = (verdict, _rule(table, before, after, verdict))
                if (before, after) in widened:
                    judged = (Verdict.WARN, "transition_widened")
                self._judged[axis, before, after] = judged
            self._entry[axis] = _entry(axis, table, profile) | {UNKNOWN}

    def verdict(self, axis: Axis, before: str | None, after: str) -> Verdict:
        """The verdict on `before` becoming `after`.

        A first sighting (`before` None) and an unchanged state are LEGAL. A state after UNKNOWN is LEGAL, as
        nothing was known that it could contradict; UNKNOWN after a state is WARN, as knowledge was lost.
        """
        if before is None or before == after:
            return Verdict.LEGAL
        return self._judged[axis, before, after][0]

    def transitions(self, before: Statuses | None, after: Statuses) -> list[Transition]:
        """What changed between two readings of an order; every axis where it is seen for the first time."""
        if before is None:
            return [self._first(axis, state) for axis, state in _by_axis(after)]
        changed: list[Transition] = []
        if before.order != after.order:
            changed.append(self._change("order", before.order, after.order))
        if before.payment != after.payment:
            changed.append(self._change("payment", before.payment, after.payment))
        if before.fulfilment != after.fulfilment:
            changed.append(self._change("fulfilment", before.fulfilment, after.fulfilment))
        return changed

    def backdated(self, first: Statuses) -> bool:
        """Whether an order first seen in these states had a past that was not seen."""
        return any(state not in self._entry[axis] for axis, state in _by_axis(first))

    def _change(self, axis: Axis, before: str, after: str) -> Transition:
        verdict, rule = self._judged[axis, before, after]
        return Transition(axis, before, after, verdict, rule)

    def _first(self, axis: Axis, state: str) -> Transition:
        rule = None if state in self._entry[axis] else "transition_has_origin"
        return Transition(axis, None, state, Verdict.LEGAL, rule)


def base_verdict(table: Table, before: str, after: str) -> Verdict:
    """The verdict of the table alone, for two different states."""
    if before == UNKNOWN:
        return Verdict.LEGAL
    if after == UNKNOWN:
        return Verdict.WARN
    if after in table.legal[before]:
        return Verdict.LEGAL
    if after in table.warn[before]:
        return Verdict.WARN
    if after in table.progress and after in table.forward(before):
        return Verdict.SKIPPED
    return Verdict.ILLEGAL


def _by_axis(statuses: Statuses) -> tuple[tuple[Axis, str], ...]:
    return (
        ("order", statuses.order),
        ("payment", statuses.payment),
        ("fulfilment", statuses.fulfilment),
    )


def _pairs(table: Table) -> Iterable[tuple[str, str]]:
    states = [UNKNOWN, *table.ranks]
    return ((before, after) for before in states for after in states if before != after)


def _rule(table: Table, before: str, after: str, verdict: Verdict) -> str | None:
    match verdict:
        case Verdict.LEGAL:
            return None
        case Verdict.SKIPPED:
            return "transition_skipped"
        case Verdict.ILLEGAL:
            return "transition_allowed"
    if after == UNKNOWN:
        return "transition_not_lost"
    return "terminal_not_reopened" if before in table.terminal else "transition_not_reversed"


def _widened(axis: Axis, table: Table, profile: Profile) -> set[tuple[str, str]]:
    illegal = {pair for pair in _pairs(table) if base_verdict(table, *pair) is Verdict.ILLEGAL}
    widen = profile.widen.get(axis, frozenset())
    if widen == "all":
        return illegal
    for before, after in widen:
        if (before, after) not in illegal:
            raise LifecycleTableError(
                f"lifecycle.widen.{axis}: {before} to {after} is not an illegal change of the tables; "
                "only illegal changes can be widened, and only to WARN"
            )
    return set(widen)


def _entry(axis: Axis, table: Table, profile: Profile) -> frozenset[str]:
    entry = profile.entry.get(axis, table.entry)
    unknown = entry - set(table.ranks)
    if unknown:
        raise LifecycleTableError(f"lifecycle.entry.{axis}: unknown states {sorted(unknown)}")
    return entry
