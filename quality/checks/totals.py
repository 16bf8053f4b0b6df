"""Whether an order's sums are money of one currency, and add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from quality.checks import Broken, Limits, at, equation, refunds, rounded, shown, text
from schemas import money
from schemas.types import CanonicalOrder, Money, TaxLine

RULES: Final = frozenset(
    {
        "currency_iso4217",
        "currency_exponent",
        "currency_single",
        "total_non_negative",
        "shipping_sum",
        "discount_sum",
        "tax_sum",
        "tax_lines_sum",
        "tax_rate_range",
        "discount_le_subtotal",
        "payment_currency",
        "refund_le_paid",
        *equation.RULES,
        *refunds.RULES,
    }
)

Parts: TypeAlias = tuple[int, int, int, int]
"""What the order's parts add up to: the taxes of lines and shipping, its own taxes, discounts, shipping."""


def check(order: CanonicalOrder, limits: Limits, broken: Broken) -> None:
    """Currency and sign of every total, then the equations between them, then the parts of the single ones."""
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
    for payment in order["payments"]:
        if payment["amount"]["currency"] != currency:
            _foreign_payments(order, broken)
            break
    if order["adjustments"]:
        refunds.check(order, broken)
    parts, cancelled = _parts(order, exponent, limits.highest_tax_rate, broken)
    if values is not None:
        unit = 10 ** (exponent - minor_units)
        equation.check(order, values, cancelled, exponent, unit, broken)
        _bounds(values, exponent, broken)
        tax = values["tax"]
        if parts != (tax, tax, values["discount"], values["shipping"]) and order["lines"]:
            _compare(order, values, parts, exponent, unit, broken)


def _foreign_payments(order: CanonicalOrder, broken: Broken) -> None:
    currency = order["currency"]
    for index, payment in enumerate(order["payments"]):
        amount = payment["amount"]
        if amount["currency"] != currency:
            broken(
                "payment_currency",
                f"payments[{index}].amount",
                f"is {shown(amount)} {amount['currency']}, the order in {currency}: in no sum of payments",
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


def _parts(order: CanonicalOrder, exponent: int, highest: float, broken: Broken) -> tuple[Parts, int]:
    """The sums at the exponent, 0 where nothing is told, and the units cancelled; looks at every tax rate, too."""
    told = of_order = discount = prices = cancelled = 0
    in_range = True
    for line in order["lines"]:
        amount = line["tax_total"]
        told += amount["amount_minor"] if amount["exponent"] == exponent else rounded(amount, exponent)
        amount = line["discount_total"]
        discount += amount["amount_minor"] if amount["exponent"] == exponent else rounded(amount, exponent)
        cancelled += line["quantity"]["cancelled"]
        for tax in line["taxes"]:
            rate = tax["rate"]
            if rate is not None and not 0 <= _RATE[rate] <= highest:
                in_range = False
    for shipping in order["shipping_lines"]:
        price, lowered = shipping["price"], shipping["discounted_price"]
        if price["exponent"] == lowered["exponent"] == exponent:
            prices += price["amount_minor"]
            discount += price["amount_minor"] - lowered["amount_minor"]
        else:
            prices += rounded(price, exponent)
            discount += rounded(price, exponent) - rounded(lowered, exponent)
        for tax in shipping["taxes"]:
            amount, rate = tax["amount"], tax["rate"]
            told += amount["amount_minor"] if amount["exponent"] == exponent else rounded(amount, exponent)
            if rate is not None and not 0 <= _RATE[rate] <= highest:
                in_range = False
    for tax in order["tax_lines"]:
        amount, rate = tax["amount"], tax["rate"]
        of_order += amount["amount_minor"] if amount["exponent"] == exponent else rounded(amount, exponent)
        if rate is not None and not 0 <= _RATE[rate] <= highest:
            in_range = False
    if not in_range:
        _rates(order, highest, broken)
    return (told, of_order, discount, prices), cancelled


def _compare(
    order: CanonicalOrder, values: Mapping[str, int], parts: Parts, exponent: int, unit: int, broken: Broken
) -> None:
    """Each sum of parts with its total. What a source tells no parts of (taxes, ways of delivery) is not compared.

    Tolerance: one minor unit per amount that is rounded before it is added: a tax, or a line's share of a discount.
    Prices of shipping are none.
    """
    told, of_order, discount, prices = parts
    tax, lines, shipping = values["tax"], len(order["lines"]), order["shipping_lines"]

    def differs(rule: str, field: str, name: str, parts_of: str, added: int) -> None:
        broken(rule, field, f"is {text(values[name], exponent)}; {parts_of} add up to {text(added, exponent)}")

    taxes_of_shipping = sum(len(part["taxes"]) for part in shipping)
    taxed = taxes_of_shipping or any(line["taxes"] for line in order["lines"])
    if (told or taxed) and abs(told - tax) > (lines + taxes_of_shipping) * unit:
        differs("tax_sum", "totals.tax", "tax", "the taxes of lines and shipping", told)
    if order["tax_lines"] and abs(of_order - tax) > len(order["tax_lines"]) * unit:
        differs("tax_lines_sum", "totals.tax", "tax", "the taxes of the order", of_order)
    if abs(discount - values["discount"]) > lines * unit:
        differs("discount_sum", "totals.discount", "discount", "the discounts of lines and shipping", discount)
    if shipping and prices != values["shipping"]:
        differs("shipping_sum", "totals.shipping", "shipping", "the prices of shipping", prices)


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
