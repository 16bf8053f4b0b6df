"""Whether an order's sums are money of one currency, and add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from quality.checks import Broken, Limits, at, shown, text
from quality.lifecycle.derivation import MONEY_KINDS
from schemas import money
from schemas.types import CanonicalOrder, Money, TaxLine

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
        "refund_currency",
        "refund_le_paid",
    }
)


def check(order: CanonicalOrder, limits: Limits, broken: Broken) -> None:
    """Currency and sign of every total, then the equations between them, then the taxes."""
    currency = order["currency"]
    try:
        minor_units = exponent = money.exponent(currency)
    except ValueError:
        broken("currency_iso4217", "currency", "is not an ISO 4217 code in capital letters")
        return
    amounts: Any = order["totals"]  # read by name below
    values: Mapping[str, int] | None
    values = regular = {}
    for name, amount in amounts.items():
        if amount is not None:
            value = regular[name] = amount["amount_minor"]
            if value < 0 or amount["exponent"] != exponent or amount["currency"] != currency:
                values, exponent = _irregular(amounts, currency, broken)
                break
    if order["adjustments"]:
        _uncounted(order, broken)
    told = _line_taxes(order, exponent, limits.highest_tax_rate, broken)
    if values is not None:
        unit = 10 ** (exponent - minor_units)
        _equation(order, values, exponent, unit, broken)
        _bounds(values, exponent, broken)
        tax = values["tax"]
        if told != tax and told and abs(told - tax) > _pieces(order) * unit:
            broken(
                "tax_sum",
                "totals.tax",
                f"is {text(tax, exponent)}; the taxes of lines and shipping add up to {text(told, exponent)}",
            )


def _uncounted(order: CanonicalOrder, broken: Broken) -> None:
    """Money given back that the sum of refunds leaves out: no rate into the order's currency is told."""
    currency = order["currency"]
    for index, adjustment in enumerate(order["adjustments"]):
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


def _irregular(amounts: Mapping[str, Money | None], currency: str, broken: Broken) -> tuple[dict[str, int] | None, int]:
    """Reports what is wrong with single totals; the totals at one exponent, None if currencies are mixed."""
    minor_units = largest = money.exponent(currency)
    mixed = False
    for name, amount in amounts.items():
        if amount is None:
            continue
        field = f"totals.{name}"
        if amount["amount_minor"] < 0:
            broken("total_non_negative", field, f"is {shown(amount)}; expected 0 or more")
        if amount["currency"] != currency:
            mixed = True
            broken("currency_single", field, f"is in {amount['currency']}, the order in {currency}")
        extra = amount["exponent"] - minor_units
        if extra < 0:
            broken("currency_exponent", field, f"has {amount['exponent']} decimals; {currency} has {minor_units}")
        elif extra and amount["amount_minor"] % 10**extra:  # further decimals that are zeros are fine
            broken("currency_exponent", field, f"is {shown(amount)}; {currency} has {minor_units} decimals")
        largest = max(largest, amount["exponent"])
    if mixed:
        return None, largest
    return {name: at(amount, largest) for name, amount in amounts.items() if amount is not None}, largest


def _equation(order: CanonicalOrder, values: Mapping[str, int], exponent: int, unit: int, broken: Broken) -> None:
    """Invariant X5: items + shipping + tax (if not in prices) + fees + tip - discount - gift cards = total.

    The total is the one agreed, or the current one. Tolerance: one minor unit per line.
    """
    expected = (
        values["items_gross"]
        + values["shipping"]
        + values["fees"]
        + values["tip"]
        - values["discount"]
        - values["gift_card"]
    )
    if not order["prices_include_tax"]:
        expected += values["tax"]
    original = values["total_original"]
    if original == expected:
        return
    current = values["total_current"]
    tolerance = max(1, len(order["lines"])) * unit
    if abs(original - expected) > tolerance and abs(current - expected) > tolerance:
        broken(
            "total_equation",
            "totals.total_original",
            f"the parts add up to {text(expected, exponent)} {order['currency']}; the total is "
            f"{text(original, exponent)}, the current total {text(current, exponent)}",
        )


def _bounds(values: Mapping[str, int], exponent: int, broken: Broken) -> None:
    discount, refunded = values["discount"], values["refunded"]
    if discount:
        most = values["items_gross"] + values["shipping"]
        if discount > most:
            broken(
                "discount_le_subtotal",
                "totals.discount",
                f"is {text(discount, exponent)}; items and shipping are {text(most, exponent)}",
            )
    if refunded:
        paid = values.get("captured")
        most = max(values["total_original"], values["total_current"]) if paid is None else paid
        if refunded > most:
            broken(
                "refund_le_paid",
                "totals.refunded",
                f"is {text(refunded, exponent)}; "
                f"{'the order is worth' if paid is None else 'captured is'} {text(most, exponent)}",
            )


def _line_taxes(order: CanonicalOrder, exponent: int, highest: float, broken: Broken) -> int:
    """Σ of the taxes of lines and shipping at the exponent, 0 where none are told; looks at every rate."""
    told, in_range = 0, True
    for line in order["lines"]:
        amount = line["tax_total"]
        told += amount["amount_minor"] if amount["exponent"] == exponent else _rounded(amount, exponent)
        for tax in line["taxes"]:
            rate = tax["rate"]
            if rate is not None and not 0 <= _RATE[rate] <= highest:
                in_range = False
    for shipping in order["shipping_lines"]:
        for tax in shipping["taxes"]:
            amount, rate = tax["amount"], tax["rate"]
            told += amount["amount_minor"] if amount["exponent"] == exponent else _rounded(amount, exponent)
            if rate is not None and not 0 <= _RATE[rate] <= highest:
                in_range = False
    for tax in order["tax_lines"]:
        rate = tax["rate"]
        if rate is not None and not 0 <= _RATE[rate] <= highest:
            in_range = False
    if not in_range:
        _rates(order, highest, broken)
    return told if order["lines"] else 0  # a header without its lines tells part of the taxes


def _pieces(order: CanonicalOrder) -> int:
    """How many rounded amounts the taxes of lines and shipping are a sum of."""
    return len(order["lines"]) + sum(len(shipping["taxes"]) for shipping in order["shipping_lines"])


def _rounded(amount: Money, exponent: int) -> int:
    """The amount at an exponent that may be smaller than its own."""
    extra = amount["exponent"] - exponent
    return at(amount, exponent) if extra <= 0 else (amount["amount_minor"] + 10**extra // 2) // 10**extra


def _rates(order: CanonicalOrder, highest: float, broken: Broken) -> None:
    for path, tax in _located_taxes(order):
        rate = tax["rate"]
        if rate is not None and not 0 <= _RATE[rate] <= highest:
            broken("tax_rate_range", f"{path}.rate", f"is {rate}; expected a fraction from 0 to {highest}")


def _located_taxes(order: CanonicalOrder) -> Iterator[tuple[str, TaxLine]]:
    for index, tax in enumerate(order["tax_lines"]):
        yield f"tax_lines[{index}]", tax
    for place, line in enumerate(order["lines"]):
        for index, tax in enumerate(line["taxes"]):
            yield f"lines[{place}].taxes[{index}]", tax
    for place, shipping in enumerate(order["shipping_lines"]):
        for index, tax in enumerate(shipping["taxes"]):
            yield f"shipping_lines[{place}].taxes[{index}]", tax


class _Rates(dict[str, float]):
    """Rates as numbers, -1 for what is none. Few rates exist; what a fuzzer sends is not kept."""

    def __missing__(self, rate: str) -> float:
        try:
            value = float(rate)
        except ValueError:
            value = -1.0
        if len(self) < 4096:
            self[rate] = value
        return value


_RATE: Final = _Rates()
"""A rate is a fraction that is compared with a bound: no money is computed with it."""
