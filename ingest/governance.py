"""Judging an order against its channel's contract: field rules, vocabulary, lifecycle. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec import Struct

from mappers.candidate import MappedStatuses
from quality.contract import Contract
from quality.finding import Finding
from quality.lifecycle.checker import Lifecycle, Transition, Verdict
from quality.limit import limited
from quality.rules import HistoryRules, OrderRules
from schemas.types import CanonicalOrder

_FIELDS = {"order": "order_status", "payment": "payment_status", "fulfilment": "fulfilment_status"}
_NOTES = {
    "GAP": ("version_gap", "versions between the known one and this one were not seen"),
    "CONFLICT": ("order_version_unique", "the same version came with two different contents"),
}


class Judgement(Struct, frozen=True):
    """What the contract says of one change of an order."""

    findings: list[Finding]
    transitions: list[Transition]
    backdated: bool
    """Seen for the first time in a state that has a past."""

    @property
    def summary(self) -> str:
        """The changes of state with their verdicts, for people."""
        moves = [f"{t.axis} {t.before or 'new'}→{t.after} {t.verdict}" for t in self.transitions]
        return "; ".join(moves) or "content changed"


@dataclass(frozen=True, slots=True)
class Governance:
    """One channel's contract, compiled."""

    contract: Contract
    check: OrderRules
    check_history: HistoryRules
    lifecycle: Lifecycle
    map_statuses: Callable[..., MappedStatuses]
    ruleset_version: str
    mapper_version: str

    def judge(
        self,
        before: CanonicalOrder | None,
        after: CanonicalOrder,
        notes: Sequence[str],
    ) -> Judgement:
        """Every finding on a change; nothing is decided here."""
        findings = self.check(after)
        if before is not None:
            findings += self.check_history(before, after)
        finding = self.contract.finding
        for axis, value in self.map_statuses(after["source_status"]).unmapped:
            findings.append(finding("status_mapped", "source_status", f"{axis} has no mapping for {value!r}"))
        for note in notes:
            rule, message = _NOTES[note]
            findings.append(finding(rule, "source_version", message))
        now = _statuses(after)
        transitions = self.lifecycle.transitions(_statuses(before) if before is not None else None, now)
        for t in transitions:
            if t.rule is not None:
                findings.append(finding(t.rule, _FIELDS[t.axis], _told(t)))
        return Judgement(limited(findings), transitions, before is None and self.lifecycle.backdated(now))


def _told(transition: Transition) -> str:
    if transition.before is None:
        return f"first seen as {transition.after}: what came before was not seen"
    words = "is not allowed" if transition.verdict is Verdict.ILLEGAL else "is unusual"
    return f"{transition.axis} status {transition.before} → {transition.after} {words}"


def _statuses(order: CanonicalOrder) -> MappedStatuses:
    return MappedStatuses(order["order_status"], order["payment_status"], order["fulfilment_status"])
