"""A bound on how much one event can be told off: a payload of a hundred thousand broken lines has one cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from quality.finding import Action, Finding

MOST_FINDINGS: Final = 100

_GRAVEST_FIRST: Final = (
    Action.QUARANTINE,
    Action.REJECT,
    Action.DEDUPE,
    Action.SUPERSEDE,
    Action.PARK,
    Action.HOLD,
    Action.WARN,
)


def limited(findings: Sequence[Finding]) -> list[Finding]:
    """At most MOST_FINDINGS, the gravest kept; the last one says how many more there are."""
    if len(findings) <= MOST_FINDINGS:
        return list(findings)
    kept = sorted(findings, key=lambda finding: _GRAVEST_FIRST.index(finding.action))[:MOST_FINDINGS]
    more = len(findings) - MOST_FINDINGS
    kept[-1] = replace(kept[-1], message=f"{kept[-1].message} (and {more} more findings of this event)")
    return kept
