"""Whether refunds are money of the order's currency, and pay back no more than their lines and the order hold."""

from __future__ import annotations

from typing import Final

from quality.checks import Broken, at, common_exponent, shown, text
from quality.lifecycle.derivation import MONEY_KINDS
from schemas.types import Adjustment, CanonicalOrder, Quantity

RULES: Final = frozenset({"refund_currency", "refund_lines_sum", "refund_units"})

_FOR_UNITS: Final = frozenset({"REFUND", "RETURN", "CREDIT"})
"""Adjustments that pay back units. Others pay for a unit that stays paid: a lower price, a difference, a dispute."""
_MOVING: Final = frozenset({"PENDING", "COMPLETED"})


def check(order: CanonicalOrder, broken: Broken) -> None:
    """Every adjustment by itself, then the units of all of them against what was ordered."""
    ordered = {line["line_id"]: line["quantity"] for line in order["lines"]}
    paid_back: dict[str, int] = {}
    for index, adjustment in enumerate(order["adjustments"]):
        _currency(index, adjustment, order["currency"], broken)
        if adjustment["lines"]:
            _lines(index, adjustment, broken)
            _units(index, adjustment, ordered, paid_back, broken)


def _currency(index: int, adjustment: Adjustment, currency: str, broken: Broken) -> None:
    """Money given back that the sum of refunds leaves out: no rate into the order's currency is told."""
    amount = adjustment["amount"]
    if (
        amount["currency"] != currency
        and amount["amount_minor"]
        and adjustment["status"] == "COMPLETED"
        and adjustment["kind"] in MONEY_KINDS
    ):
        broken(
            "refund_currency",
            f"adjustments[{index}].amount",
            f"is {shown(amount)} {amount['currency']}, the order in {currency}: not in totals.refunded",
        )


def _lines(index: int, adjustment: Adjustment, broken: Broken) -> None:
    """The money of the lines is part of the adjustment's; the rest of it is for no line (shipping, goodwill)."""
    amount, parts = adjustment["amount"], [line["amount"] for line in adjustment["lines"]]
    exponent = common_exponent(amount, *parts)
    added = sum([at(part, exponent) for part in parts])
    if added > at(amount, exponent) and all(part["currency"] == amount["currency"] for part in parts):
        broken(
            "refund_lines_sum",
            f"adjustments[{index}].amount",
            f"is {shown(amount)}; its lines add up to {text(added, exponent)}",
        )


def _units(
    index: int, adjustment: Adjustment, ordered: dict[str, Quantity], paid_back: dict[str, int], broken: Broken
) -> None:
    """No unit is paid back twice. Goods that come back before their money are no payment yet."""
    counts = adjustment["kind"] in _FOR_UNITS and adjustment["status"] in _MOVING
    for place, line in enumerate(adjustment["lines"]):
        quantity = ordered.get(line["line_id"])
        if quantity is None:
            continue
        units = line["quantity"]
        if counts and (line["amount"]["amount_minor"] or not line["returned"]):
            units += paid_back.get(line["line_id"], 0)
            paid_back[line["line_id"]] = units
        if units > quantity["ordered"]:
            broken(
                "refund_units",
                f"adjustments[{index}].lines[{place}].quantity",
                f"makes it {text(units, quantity['scale'])} units that go back; "
                f"{text(quantity['ordered'], quantity['scale'])} were ordered",
            )
