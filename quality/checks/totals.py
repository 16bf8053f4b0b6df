"""Whether an order's sums are money of one currency, and add up."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, cast

from quality.checks import Broken, Limits, at, common_exponent, shown, text
from schemas import money
from schemas.types import CanonicalOrder, Money, TaxLine, Totals

RULES: Final = frozenset(
    {
        "currency_iso4217",
        "currency_exponent",
        "currency_single",
        "total_non_negative",
        "total_equation",
        "tax_sum",
        "tax_rate_range",
        "discount_le_subtotal",
        "refund_le_paid",
    }
)


def check(order: CanonicalOrder, limits: Limits, broken: Broken) -> None:
    """Currency and sign of every total, then the equations between them."""
    currency, totals = order["currency"], order["totals"]
    if not money.is_currency(currency):
        broken("currency_iso4217", "currency", "is not an ISO 4217 code in capital letters")
        return
    exponent = money.exponent(currency)
    regular = True
    amounts = cast("dict[str, Money | None]", totals)
    for name, amount in amounts.items():
        if amount is None:
            continue
        if amount["currency"] != currency:
            regular = False
            broken(
                "currency_single", f"totals.{name}", f"is in {amount['currency']}, the order in {currency}"
            )
        if amount["exponent"] != exponent:
            _exponent(f"totals.{name}", amount, exponent, broken)
        if amount["amount_minor"] < 0:
            broken(
                "total_non_negative",
                f"totals.{name}",
                f"is {shown(amount)}; expected 0 or more",
            )
    if regular:
        _equation(order, totals, exponent, broken)
        _bounds(totals, broken)
    _taxes(order, exponent, limits, broken)


def _exponent(field: str, amount: Money, exponent: int, broken: Broken) -> None:
    """More decimals than the currency has are fine as long as they are zeros."""
    extra = amount["exponent"] - exponent
    if extra < 0:
        broken(
            "currency_exponent",
            field,
            f"has {amount['exponent']} decimals; {amount['currency']} has {exponent}",
        )
    elif amount["amount_minor"] % 10**extra:
        broken(
            "currency_exponent",
            field,
            f"is {shown(amount)}; {amount['currency']} has {exponent} decimals",
        )


def _equation(order: CanonicalOrder, totals: Totals, minor_units: int, broken: Broken) -> None:
    """Invariant X5: items + shipping + tax (if not in prices) + fees + tip - discount - gift cards = total.

    The total is the one agreed, or the current one. Tolerance: one minor unit per line.
    """
    parts = (
        totals["items_gross"],
        totals["shipping"],
        totals["fees"],
        totals["tip"],
        totals["discount"],
        totals["gift_card"],
        totals["tax"],
        totals["total_original"],
        totals["total_current"],
    )
    exponent = minor_units
    for part in parts:
        if part["exponent"] > exponent:
            exponent = part["exponent"]
    items, shipping, fees, tip, discount, gift_card, tax, original, current = [
        part["amount_minor"] if part["exponent"] == exponent else at(part, exponent) for part in parts
    ]
    expected = items + shipping + fees + tip - discount - gift_card
    if not order["prices_include_tax"]:
        expected += tax
    tolerance = max(1, len(order["lines"])) * 10 ** (exponent - minor_units)
    if abs(original - expected) > tolerance and abs(current - expected) > tolerance:
        broken(
            "total_equation",
            "totals.total_original",
            f"the parts add up to {text(expected, exponent)} {order['currency']}; the total is "
            f"{text(original, exponent)}, the current total {text(current, exponent)}",
        )


def _bounds(totals: Totals, broken: Broken) -> None:
    discount = totals["discount"]
    if discount["amount_minor"] > 0:
        exponent = common_exponent(discount, totals["items_gross"], totals["shipping"])
        most = at(totals["items_gross"], exponent) + at(totals["shipping"], exponent)
        if at(discount, exponent) > most:
            broken(
                "discount_le_subtotal",
                "totals.discount",
                f"is {text(at(discount, exponent), exponent)}; items and shipping are {text(most, exponent)}",
            )
    refunded = totals["refunded"]
    if refunded["amount_minor"] > 0:
        paid = totals["captured"]
        bound = [totals["total_original"], totals["total_current"]] if paid is None else [paid]
        exponent = common_exponent(refunded, *bound)
        most = max(at(amount, exponent) for amount in bound)
        if at(refunded, exponent) > most:
            broken(
                "refund_le_paid",
                "totals.refunded",
                f"is {text(at(refunded, exponent), exponent)}; "
                f"{'the order is worth' if paid is None else 'captured is'} {text(most, exponent)}",
            )


def _taxes(order: CanonicalOrder, minor_units: int, limits: Limits, broken: Broken) -> None:
    """Σ of the taxes of lines and shipping, where they are told, is the total tax; every rate is in range."""
    tax = order["totals"]["tax"]
    exponent, told = tax["exponent"], 0
    exact = True
    for index, line in enumerate(order["lines"]):
        amount = line["tax_total"]
        told += amount["amount_minor"]
        if amount["exponent"] != exponent:
            exact = False
        if line["taxes"]:
            _rates(f"lines[{index}].taxes", line["taxes"], limits, broken)
    _rates("tax_lines", order["tax_lines"], limits, broken)
    pieces = len(order["lines"])
    for index, shipping in enumerate(order["shipping_lines"]):
        pieces += len(shipping["taxes"])
        for entry in shipping["taxes"]:
            told += entry["amount"]["amount_minor"]
            if entry["amount"]["exponent"] != exponent:
                exact = False
        _rates(f"shipping_lines[{index}].taxes", shipping["taxes"], limits, broken)
    if not told:
        return
    if not exact:
        parts = [line["tax_total"] for line in order["lines"]]
        parts += [entry["amount"] for shipping in order["shipping_lines"] for entry in shipping["taxes"]]
        exponent = common_exponent(tax, *parts)
        told = sum(at(part, exponent) for part in parts)
    if abs(told - at(tax, exponent)) > pieces * 10 ** max(0, exponent - minor_units):
        broken(
            "tax_sum",
            "totals.tax",
            f"is {text(at(tax, exponent), exponent)}; the taxes of lines and shipping add up to "
            f"{text(told, exponent)}",
        )


def _rates(field: str, taxes: Sequence[TaxLine], limits: Limits, broken: Broken) -> None:
    for index, tax in enumerate(taxes):
        rate = tax["rate"]
        if rate is not None and not 0 <= _rate(rate) <= limits.highest_tax_rate:
            broken(
                "tax_rate_range",
                f"{field}[{index}].rate",
                f"is {rate}; expected a fraction from 0 to {limits.highest_tax_rate}",
            )


@lru_cache(maxsize=4096)
def _rate(rate: str) -> float:
    """A rate as a number, -1 when it is none. A fraction is compared with a bound: no money is computed."""
    try:
        return float(rate)
    except ValueError:
        return -1.0
