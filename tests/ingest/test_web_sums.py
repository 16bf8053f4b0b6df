"""What the whole pipeline makes of a web order whose parts contradict each other: our own sums add up, or wait."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ingest.demo.records import RawRecord
from schemas import instants
from tests.ingest.pipeline_harness import Log

CASES = Path(__file__).parents[2] / "mappers" / "cases" / "web"
HELD = {"order-placed-weighed-tax-exclusive": ("HELD", {("ship_address_complete", "shipping_address")})}
WHOLE = [path.stem for path in sorted(CASES.glob("order-*.json")) if path.stem != "order-placed-test"]


def case(name: str, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The event of a case, with the fields of its order at the paths (`lines.0.total`) replaced."""
    event: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text())
    for path, value in (changes or {}).items():
        part = event["data"]["order"]
        *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        for step in steps:
            part = part[step]
        part[last] = value
    return event


def taken(event: dict[str, Any]) -> tuple[str, set[tuple[str, str]]]:
    """The outcome, and the rules that are broken with the fields that break them, when it arrives at once."""
    value = json.dumps(event)
    at = max(instants.parse(told) for told in re.findall(r'_at": "([^"]+)"', value))
    log = Log()
    (outcome,) = log.take([RawRecord("raw.web.orders.v1", b"key", value.encode(), [], at // 1000)])
    told = [(found["rule_id"], found["field"], found["severity"]) for found in log.published("QualityFinding")]
    return outcome.outcome.name, {(rule, field) for rule, field, severity in told if severity != "info"}


@pytest.mark.parametrize("name", WHOLE)
def test_an_order_of_the_cases_adds_up(name: str) -> None:
    """A developer who follows the published examples is warned of nothing that they do not leave out on purpose."""
    assert taken(case(name)) == HELD.get(name, ("GOVERNED", set()))


GIFT = {"totals.tip": "3.00", "totals.total": "82.75"}
NO_TAXES = {f"lines.{index}.taxes.0.amount": "0" for index in (0, 1)} | {"shipping.0.taxes.0.amount": "0"}
HALF = {"lines.0.cancelled_quantity": 1, "payments": []}
"""One shirt of two, worth 22.40, is called off; 57.35 of 79.75 stay, 4.95 of them shipping."""

WRONG: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
    ("order-placed-guest", {"lines.0.taxes.0.amount": "12.77"}, ("tax_sum", "totals.tax")),
    ("order-placed-guest", NO_TAXES, ("tax_sum", "totals.tax")),
    ("order-placed-guest", {"taxes.0.amount": "15.84"}, ("tax_lines_sum", "totals.tax")),
    ("order-placed-guest", {"shipping.0.price": "3.95"}, ("shipping_sum", "totals.shipping")),
    (
        "order-placed-guest",
        {"totals.discount": "15.00", "totals.total": "69.75"},
        ("discount_sum", "totals.discount"),
    ),
    ("order-placed-guest", {"shipping.0.discounted_price": "0"}, ("discount_sum", "totals.discount")),
    (
        "order-placed-guest",
        {"totals.total": "70.00", "totals.current_total": "79.75"},
        ("total_original_equation", "totals.total_original"),
    ),
    ("order-placed-guest", {"totals.current_total": "70.00"}, ("total_current_equation", "totals.total_current")),
    (
        "order-refunded-partially",
        {"totals.current_total": "57.35"},
        ("total_current_equation", "totals.total_current"),
    ),
    ("order-placed-guest", HALF, ("total_current_equation", "totals.total_current")),
    (
        "order-placed-guest",
        HALF | {"totals.current_total": "50.00"},
        ("total_current_equation", "totals.total_current"),
    ),
    ("order-cancelled", {"totals.current_total": "79.75"}, ("total_current_equation", "totals.total_current")),
    ("order-refunded-partially", {"refunds.0.lines.0.amount": "30.00"}, ("refund_lines_sum", "adjustments[0].amount")),
    (
        "order-refunded-partially",
        {"refunds.0.lines.0.quantity": 3, "refunds.0.lines.0.returned": False},
        ("refund_units", "adjustments[0].lines[0].quantity"),
    ),
    ("order-placed-guest", {"lines.1.parent_line_id": "2"}, ("parent_line_acyclic", "lines[1].parent_line_id")),
    ("order-placed-guest", {"lines.1.parent_line_id": "9"}, ("references_exist", "lines[1].parent_line_id")),
]
"""(a case, changes of its order, the rule that this breaks and where)"""


@pytest.mark.parametrize(("name", "changes", "broken"), WRONG)
def test_what_does_not_add_up_waits_for_its_repair(name: str, changes: dict[str, Any], broken: tuple[str, str]) -> None:
    """Nobody is charged, paid back or taxed by a sum of ours that contradicts another one."""
    assert taken(case(name, changes)) == ("QUARANTINED", {broken})


FINE: list[tuple[str, dict[str, Any]]] = [
    ("order-placed-guest", GIFT),
    ("order-placed-guest", {"taxes": None, "shipping": None, "lines.0.taxes": None, "lines.1.taxes": None}),
    (
        "order-placed-guest",
        {"shipping.0.discounted_price": "0", "totals.discount": "9.95", "totals.total": "74.80"},
    ),
    ("order-placed-guest", HALF | {"totals.current_total": "57.35"}),
    ("order-placed-guest", HALF | {"totals.current_total": "52.40"}),
    ("order-cancelled", {"totals.current_total": "4.95"}),
    ("order-fulfilled", {"totals.total": "49.75", "totals.current_total": "79.75"}),
    ("order-refunded-partially", {"refunds.0.amount": "27.35"}),
]
"""(a case, changes of its order after which everything still adds up)"""


@pytest.mark.parametrize(("name", "changes"), FINE)
def test_what_adds_up_passes(name: str, changes: dict[str, Any]) -> None:
    """Tips, free shipping, taxes told as a sum alone, units called off and lines added later hold no order up."""
    outcome, broken = taken(case(name, changes))
    assert outcome == "GOVERNED", broken
