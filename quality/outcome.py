"""What becomes of a raw event: exactly one outcome at any time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Final

from quality.finding import Action, Finding, Severity
from schemas.types import Disposition, Quality, QualityEntry


class Outcome(StrEnum):
    """Where a raw event stands. Everything consumed is counted under one of these."""

    GOVERNED = "GOVERNED"
    """Published: understood and legal. Warnings may ride along."""
    HELD = "HELD"
    """Published with its hold: nobody may act on it before the owner clears it."""
    PARKED = "PARKED"
    """Waits, bounded, for a predecessor or a reference."""
    QUARANTINED = "QUARANTINED"
    """Kept whole with every reason, not published."""
    DUPLICATE = "DUPLICATE"
    """Already known."""
    STALE = "STALE"
    """Older than what is known."""
    IGNORED = "IGNORED"
    """Understood, and by policy not ours."""


_PRECEDENCE: Final = (
    (Action.QUARANTINE, Outcome.QUARANTINED),
    (Action.REJECT, Outcome.IGNORED),
    (Action.DEDUPE, Outcome.DUPLICATE),
    (Action.SUPERSEDE, Outcome.STALE),
    (Action.PARK, Outcome.PARKED),
    (Action.HOLD, Outcome.HELD),
)
"""The worst first: what cannot be governed is kept with all its reasons, whatever else is true of it."""

WEIGHTS: Final = {Severity.ERROR: 20, Severity.WARNING: 5, Severity.INFO: 1}
"""Points a broken rule costs an order, once per rule however many fields break it."""


def outcome_of(findings: Collection[Finding]) -> Outcome:
    """The outcome the findings' actions call for; GOVERNED when there are none but warnings."""
    if not findings:
        return Outcome.GOVERNED
    actions = {finding.action for finding in findings}
    for action, outcome in _PRECEDENCE:
        if action in actions:
            return outcome
    return Outcome.GOVERNED


def score(findings: Iterable[Finding]) -> int:
    """100 less the weight of every rule that is broken, not below 0."""
    broken = {finding.rule: finding.severity for finding in findings}
    return max(0, 100 - sum(WEIGHTS[severity] for severity in broken.values()))


def quality_entries(findings: Iterable[Finding]) -> list[QualityEntry]:
    """The findings as the canonical order carries them; `verdict` is the action in capitals."""
    return [
        {
            "rule_id": finding.rule,
            "field": finding.field,
            "severity": finding.severity.value,
            "owner": finding.owner,
            "verdict": finding.action.value.upper(),
            "observed_hash": None,
        }
        for finding in findings
    ]


def quality_of(findings: list[Finding]) -> Quality:
    """The order's `quality`: score, entries, and what they amount to."""
    if not findings:
        return {"score": 100, "findings": [], "disposition": "PASS"}
    disposition: Disposition = "QUARANTINE" if outcome_of(findings) is Outcome.QUARANTINED else "WARN"
    return {"score": score(findings), "findings": quality_entries(findings), "disposition": disposition}
