"""Whether an order's lines are whole, name what they sell, and multiply and add up."""

from __future__ import annotations

from typing import Final

from quality.checks import Broken, Limits, at, common_exponent, shown, text
from schemas.types import CanonicalOrder, Line, Quantity

RULES: Final = frozenset(
    {
        "lines_present",
        "line_id_unique",
        "sku_present",
        "qty_positive",
        "line_net_equation",
        "lines_sum_subtotal",
        "quantities_consistent",
        "currency_single",
    }
)


def check(order: CanonicalOrder, limits: Limits, broken: Broken) -> None:  # noqa: ARG001 -- one signature for all checks
    """Every line by itself, then all of them against the order's item total."""
    lines = order["lines"]
    if not lines:
        broken("lines_present", "lines", "is empty; expected at least one line")
        return
    currency = order["currency"]
    exponent = order["totals"]["items_gross"]["exponent"]
    gross = 0
    seen: set[str] = set()
    comparable = True
    for index, line in enumerate(lines):
        line_id = line["line_id"]
        if line_id in seen:
            broken("line_id_unique", f"lines[{index}].line_id", "is the id of an earlier line too")
        seen.add(line_id)
        if not line["sku"] and line["kind"] == "GOOD":
            broken("sku_present", f"lines[{index}].sku", "is missing")
        unit_price, total, quantity = line["unit_price"], line["total"], line["quantity"]
        ordered = quantity["ordered"]
        if ordered <= 0:
            broken(
                "qty_positive",
                f"lines[{index}].quantity.ordered",
                f"is {_units(quantity, ordered)}; expected more than 0",
            )
        if unit_price["currency"] != currency or total["currency"] != currency:
            comparable = False
            broken("currency_single", f"lines[{index}].total", f"is not in {currency}, the order's currency")
            continue
        discount = line["discount_total"]
        if (
            quantity["scale"] == 0
            and unit_price["exponent"] == exponent
            and total["exponent"] == exponent
            and discount["exponent"] == exponent
        ):
            amount = unit_price["amount_minor"] * ordered
            gross += amount
            difference = amount - discount["amount_minor"] - total["amount_minor"]
            if difference and not -1 <= difference <= 1:
                _net(index, line, broken)
        else:
            comparable = False
            _net(index, line, broken)
        if (
            ordered != quantity["current"]
            or quantity["fulfilled"]
            or quantity["returned"]
            or quantity["delivered"]
            or quantity["cancelled"]
        ):
            _quantities(index, quantity, order, broken)
    if comparable:
        difference = gross - order["totals"]["items_gross"]["amount_minor"]
        if difference and not -len(lines) <= difference <= len(lines):
            _sum(order, broken)
    else:
        _sum(order, broken)


def _net(index: int, line: Line, broken: Broken) -> None:
    """unit price x quantity - discounts = total, within one unit of the coarsest amount's last decimal."""
    unit_price, discount, total = line["unit_price"], line["discount_total"], line["total"]
    quantity = line["quantity"]
    exponent = common_exponent(unit_price, discount, total)
    steps = 10 ** quantity["scale"]
    expected = at(unit_price, exponent) * quantity["ordered"] - at(discount, exponent) * steps
    tolerance = steps * 10 ** (exponent - min(total["exponent"], unit_price["exponent"]))
    if abs(expected - at(total, exponent) * steps) > tolerance:
        broken(
            "line_net_equation",
            f"lines[{index}].total",
            f"is {shown(total)}; {_units(quantity, quantity['ordered'])} x {shown(unit_price)} less "
            f"{shown(discount)} is {text(_rounded(expected, steps), exponent)}",
        )


def _sum(order: CanonicalOrder, broken: Broken) -> None:
    """Σ unit price x quantity = items_gross, within one unit of its last decimal per line."""
    items, currency = order["totals"]["items_gross"], order["currency"]
    lines = [line for line in order["lines"] if line["unit_price"]["currency"] == currency]
    if items["currency"] != currency or len(lines) != len(order["lines"]):
        return
    exponent = common_exponent(items, *(line["unit_price"] for line in lines))
    gross = sum(
        _rounded(at(line["unit_price"], exponent) * line["quantity"]["ordered"], 10 ** line["quantity"]["scale"])
        for line in lines
    )
    if abs(gross - at(items, exponent)) > len(lines) * 10 ** (exponent - items["exponent"]):
        broken(
            "lines_sum_subtotal",
            "totals.items_gross",
            f"is {shown(items)}; the lines add up to {text(gross, exponent)}",
        )


def _quantities(index: int, quantity: Quantity, order: CanonicalOrder, broken: Broken) -> None:
    """Invariant X6. Goods may come back of which no fulfilment was ever told, but no more than were ordered."""
    ordered, current, cancelled = quantity["ordered"], quantity["current"], quantity["cancelled"]
    fulfilled, delivered, returned = quantity["fulfilled"], quantity["delivered"], quantity["returned"]
    told = bool(order["fulfilments"])
    if (
        0 <= current <= ordered
        and current == ordered - cancelled
        and delivered <= fulfilled <= current + returned
        and returned <= (fulfilled if told else ordered)
    ):
        return
    field = f"lines[{index}].quantity"

    def wrong(name: str, message: str) -> None:
        broken("quantities_consistent", f"{field}.{name}", message)

    if not 0 <= current <= ordered:
        wrong(
            "current",
            f"is {_units(quantity, current)}; expected 0 to the {_units(quantity, ordered)} ordered",
        )
    elif current != ordered - cancelled:
        wrong(
            "current",
            f"is {_units(quantity, current)}; {_units(quantity, ordered)} ordered less "
            f"{_units(quantity, cancelled)} cancelled is {_units(quantity, ordered - cancelled)}",
        )
    if fulfilled > current + returned:
        wrong(
            "fulfilled",
            f"is {_units(quantity, fulfilled)}; {_units(quantity, current)} are left to hand over",
        )
    if delivered > fulfilled:
        wrong("delivered", f"is {_units(quantity, delivered)}; {_units(quantity, fulfilled)} were handed over")
    if told and returned > max(fulfilled, delivered):
        wrong("returned", f"is {_units(quantity, returned)}; {_units(quantity, fulfilled)} were handed over")
    if not told and returned > ordered:
        wrong("returned", f"is {_units(quantity, returned)}; {_units(quantity, ordered)} were ordered")


def _units(quantity: Quantity, value: int) -> str:
    return text(value, quantity["scale"])


def _rounded(value: int, steps: int) -> int:
    return (2 * value + steps) // (2 * steps)
