"""Positions, discounts, taxes and shipping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from mappers.shopify import payload as shopify
from mappers.shopify.amounts import Amounts
from schemas import identifiers
from schemas.types import Discount, Line, Option, ShippingLine, TaxLine

_GREATEST: Final = 2**62
"""A line's amount beyond this leaves no room for the sum of all in 64 bits."""


class Positions(NamedTuple):
    """An order's lines and what they add up to, in minor units."""

    lines: list[Line]
    gross: int
    tip: int


class Discounts:
    """The order's discount applications, with the sums of what was allocated of each."""

    __slots__ = ("_allocated", "_amounts", "_applications")

    def __init__(self, applications: Sequence[shopify.DiscountApplication] | None, amounts: Amounts) -> None:
        self._applications = applications or ()
        self._allocated = [0] * len(self._applications)
        self._amounts = amounts

    def of(self, allocations: Sequence[shopify.DiscountAllocation]) -> tuple[list[Discount], int]:
        """The allocations to one line, named by their applications, and their sum."""
        currency, exponent = self._amounts.currency, self._amounts.exponent
        discounts: list[Discount] = []
        total = 0
        for allocation in allocations:
            amount = self._amounts.minor[allocation["amount"]]
            total += amount
            index = allocation.get("discount_application_index")
            code = title = None
            if index is not None and index < len(self._allocated):
                self._allocated[index] += amount
                application = self._applications[index]
                code, title = application.get("code") or None, application.get("title") or None
            discounts.append(
                {
                    "code": code,
                    "title": title,
                    "amount": {"amount_minor": amount, "currency": currency, "exponent": exponent},
                }
            )
        return discounts, total

    def of_order(self, codes: Sequence[shopify.DiscountCode] | None) -> list[Discount]:
        """Why the order was cheaper, once all lines are read: by application, by code before 2018."""
        if not self._applications:
            return [
                {
                    "code": code.get("code") or None,
                    "title": None,
                    "amount": self._amounts.of(self._amounts.minor[code.get("amount")]),
                }
                for code in codes or ()
            ]
        return [
            {
                "code": application.get("code") or None,
                "title": application.get("title") or None,
                "amount": self._amounts.of(total),
            }
            for application, total in zip(self._applications, self._allocated, strict=True)
        ]


def is_tip(item: shopify.LineItem | shopify.RefundedItem) -> bool:
    """Whether the item is a tip: told by `tip_payment_gateway`, which is "present only on tips".

    See https://shopify.dev/docs/api/admin-rest/latest/resources/order, line_items.
    """
    return bool(item.get("tip_payment_gateway") or item.get("tip_payment_method"))


def positions_of(order: shopify.Order, order_id: str, discounts: Discounts, amounts: Amounts) -> Positions:
    """Lines in the source's order. A tip is money, not a position: it is added up apart."""
    lines: list[Line] = []
    gross = tip = 0
    for item in order.get("line_items") or ():
        price = amounts.minor[item["price"]]
        whole = price * item["quantity"]
        if is_tip(item):
            tip += whole
            continue
        gross += whole
        if not -_GREATEST < gross < _GREATEST:
            raise ValueError("price times quantity does not fit 64 bits")
        lines.append(_line(item, price, order_id, discounts, amounts))
    return Positions(lines, gross, tip)


def _line(item: shopify.LineItem, price: int, order_id: str, discounts: Discounts, amounts: Amounts) -> Line:
    currency, exponent = amounts.currency, amounts.exponent
    native, ordered = item["id"], item["quantity"]
    reductions, discount = _line_discounts(item, discounts, amounts)
    taxes, tax = taxes_of(_line_taxes(item), amounts)
    gift_card, ships = item.get("gift_card") is True, item.get("requires_shipping") is not False
    return {
        "line_id": identifiers.line_id(order_id, native),
        "source_line_id": native,
        "sku": item.get("sku") or None,
        "product_ref": item.get("product_id") or None,
        "variant_ref": item.get("variant_id") or None,
        "gtin": None,
        "title": item.get("title") or item.get("name") or None,
        "kind": "GIFT_CARD" if gift_card else "GOOD" if ships else "DIGITAL",
        "parent_line_id": None,
        "unit_price": {"amount_minor": price, "currency": currency, "exponent": exponent},
        "quantity": {
            "unit": "piece",
            "scale": 0,
            "ordered": ordered,
            "current": ordered,
            "allocated": 0,
            "fulfilled": 0,
            "delivered": 0,
            "returned": 0,
            "cancelled": 0,
        },
        "discounts": reductions,
        "discount_total": {"amount_minor": discount, "currency": currency, "exponent": exponent},
        "taxes": taxes,
        "tax_total": {"amount_minor": tax, "currency": currency, "exponent": exponent},
        "total": {"amount_minor": price * ordered - discount, "currency": currency, "exponent": exponent},
        "requires_shipping": ships,
        "options": _options(item.get("variant_title"), item.get("properties")),
        "line_status": "UNKNOWN",
    }


def _line_taxes(item: shopify.LineItem) -> Sequence[shopify.TaxLine]:
    """Those on the line and on its duties: `total_tax` has both."""
    taxes = item.get("tax_lines") or []
    for duty in item.get("duties") or ():
        taxes = [*taxes, *(duty.get("tax_lines") or ())]
    return taxes


def _line_discounts(item: shopify.LineItem, discounts: Discounts, amounts: Amounts) -> tuple[list[Discount], int]:
    """Allocations where there are any: `total_discount` is only ever set by drafts, scripts and the API."""
    if allocations := item.get("discount_allocations"):
        return discounts.of(allocations)
    discount = amounts.minor[item.get("total_discount")]
    if discount == 0:
        return [], 0
    return [{"code": None, "title": None, "amount": amounts.of(discount)}], discount


def _options(variant: str | None, properties: Any) -> list[Option]:
    options: list[Option] = [{"name": "variant", "value": variant}] if variant else []
    if not properties:
        return options
    if isinstance(properties, dict):
        # Carts set through the storefront's API may give one object instead of pairs.
        properties = [{"name": name, "value": value} for name, value in properties.items()]
    if isinstance(properties, list):
        for pair in properties:
            if isinstance(pair, dict) and pair.get("name") and pair.get("value") not in (None, ""):
                options.append({"name": str(pair["name"]), "value": str(pair["value"])})
    return options


def taxes_of(taxes: Sequence[shopify.TaxLine] | None, amounts: Amounts) -> tuple[list[TaxLine], int]:
    """Tax lines and their sum. `channel_liable`: the channel, not the shop, remits the tax."""
    if not taxes:
        return [], 0
    currency, exponent = amounts.currency, amounts.exponent
    mapped: list[TaxLine] = []
    total = 0
    for tax in taxes:
        amount = amounts.minor[tax["price"]]
        total += amount
        mapped.append(
            {
                "jurisdiction": None,
                "title": tax.get("title") or None,
                "rate": tax.get("rate") or None,
                "amount": {"amount_minor": amount, "currency": currency, "exponent": exponent},
                "remitter": "MARKETPLACE" if tax.get("channel_liable") else "MERCHANT",
            }
        )
    return mapped, total


def shipping_of(order: shopify.Order, discounts: Discounts, amounts: Amounts) -> tuple[list[ShippingLine], int]:
    """Shipping lines, and shipping before discounts (total_discounts includes those on shipping).

    A line that an edit removed stays in the body with `is_removed`
    (https://shopify.dev/docs/api/admin-graphql/latest/objects/ShippingLine): nothing is sent by it.
    """
    mapped: list[ShippingLine] = []
    total = 0
    for shipping in order.get("shipping_lines") or ():
        if shipping.get("is_removed"):
            continue
        price = amounts.minor[shipping["price"]]
        total += price
        told, allocations = shipping.get("discounted_price"), shipping.get("discount_allocations")
        reduction = discounts.of(allocations)[1] if allocations else 0
        mapped.append(
            {
                "code": shipping.get("code") or None,
                "title": shipping.get("title") or None,
                "price": amounts.of(price),
                "discounted_price": amounts.of(amounts.minor[told] if told else price - reduction),
                "taxes": taxes_of(shipping.get("tax_lines"), amounts)[0],
            }
        )
    return mapped, total
