"""What findings amount to for the event and for the order."""

import itertools

import pytest

from quality.finding import Action, Finding, Severity
from quality.outcome import Outcome, outcome_of, quality_of, score


def finding(action: Action, severity: Severity = Severity.WARNING, rule: str = "rule") -> Finding:
    return Finding(rule, "lines[0].sku", severity, "catalog", "completeness", action, "is missing")


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        (Action.WARN, Outcome.GOVERNED),
        (Action.HOLD, Outcome.HELD),
        (Action.PARK, Outcome.PARKED),
        (Action.REJECT, Outcome.IGNORED),
        (Action.QUARANTINE, Outcome.QUARANTINED),
        (Action.DEDUPE, Outcome.DUPLICATE),
        (Action.SUPERSEDE, Outcome.STALE),
    ],
)
def test_each_action_has_its_outcome(action: Action, outcome: Outcome) -> None:
    """A contract's word on what happens to a record is what happens."""
    assert outcome_of([finding(action)]) is outcome


def test_nothing_wrong_is_governed() -> None:
    """A clean order is published."""
    assert outcome_of([]) is Outcome.GOVERNED


@pytest.mark.parametrize("pair", list(itertools.permutations(Action, 2)))
def test_quarantine_wins_and_warnings_never_do(pair: tuple[Action, Action]) -> None:
    """What cannot be governed is kept with all its reasons, in whichever order they were found."""
    outcome = outcome_of([finding(action) for action in pair])
    assert outcome is outcome_of([finding(action) for action in reversed(pair)])
    if Action.QUARANTINE in pair:
        assert outcome is Outcome.QUARANTINED
    elif Action.WARN in pair:
        assert outcome is not Outcome.GOVERNED
    elif Action.REJECT in pair:
        assert outcome is Outcome.IGNORED


def test_the_score_counts_each_broken_rule_once() -> None:
    """An order of a hundred lines without a SKU is as bad as one rule, not a hundred."""
    many = [finding(Action.WARN, rule="sku_present")] * 100
    assert score([]) == 100
    assert score(many) == 95
    assert score([*many, finding(Action.WARN, Severity.INFO, "b"), finding(Action.HOLD, Severity.ERROR, "c")]) == 74
    assert score([finding(Action.WARN, Severity.ERROR, str(number)) for number in range(9)]) == 0


def test_the_order_carries_its_findings() -> None:
    """A consumer of the order sees which rule, which field and whose it is, and never a value."""
    quality = quality_of([finding(Action.WARN)])
    assert quality == {
        "score": 95,
        "findings": [
            {
                "rule_id": "rule",
                "field": "lines[0].sku",
                "severity": "warning",
                "owner": "catalog",
                "verdict": "WARN",
                "observed_hash": None,
            }
        ],
        "disposition": "WARN",
    }
    assert quality_of([])["disposition"] == "PASS"
    assert quality_of([finding(Action.QUARANTINE)])["disposition"] == "QUARANTINE"
