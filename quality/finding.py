"""A finding: one rule, broken once, by one raw event, with the owner who can fix its cause."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Action(StrEnum):
    """What happens to the single record that breaks the rule."""

    WARN = "warn"
    HOLD = "hold"
    QUARANTINE = "quarantine"
    PARK = "park"
    REJECT = "reject"
    DEDUPE = "dedupe"
    SUPERSEDE = "supersede"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule. `message` never holds a personal value: it may be logged and published."""

    rule: str
    field: str
    """Path in the canonical order (`lines[0].sku`) or, for an event not understood, in the payload."""
    severity: Severity
    owner: str
    dimension: str
    action: Action
    message: str
