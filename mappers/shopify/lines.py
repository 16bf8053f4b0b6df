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


def positions_of(order: shopify.Order, order_id: str, amounts: Amounts) -> Positions:
    """Lines in the source's order. A tip is money, not a position: it is added up apart.

    Tip items are told by `tip_payment_gateway`, which is "present only on tips"
    (https://shopify.dev/docs/api/admin-rest/latest/resources/order, line_items).
    """
    lines: list[Line] = []
    gross = tip = 0
    applications = order.get("discount_applications") or ()
    for item in order.get("line_items") or ():
        price = amounts.minor(item["price"])
        whole = price * item["quantity"]
        if item.get("tip_payment_gateway") or item.get("tip_payment_method"):
            tip += whole
            continue
        gross += whole
        if not -_GREATEST < gross < _GREATEST:
            raise ValueError("price times quantity does not fit 64 bits")
        lines.append(_line(item, price, order_id, applications, amounts))
    return Positions(lines, gross, tip)


def _line(
    item: shopify.LineItem,
    price: int,
    order_id: str,
    applications: Sequence[shopify.DiscountApplication],
    amounts: Amounts,
) -> Line:
    currency, exponent = amounts.currency, amounts.exponent
    native, ordered = item["id"], item["quantity"]
    discounts, discount = _line_discounts(item, applications, amounts)
    taxes, tax = taxes_of(item.get("tax_lines"), amounts)
    gift_card, ships = item.get("gift_card") is True, item.get("requires_shipping") is not False
    return {
        "line_id": identifiers.line_id(order_id, native),
        "source_line_id": native,
        "sku": item.get("sku") or None,
        "product_ref": item.get("product_id"),
        "variant_ref": item.get("variant_id"),
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
        "discounts": discounts,
        "discount_total": {"amount_minor": discount, "currency": currency, "exponent": exponent},
        "taxes": taxes,
        "tax_total": {"amount_minor": tax, "currency": currency, "exponent": exponent},
        "total": {"amount_minor": price * ordered - discount, "currency": currency, "exponent": exponent},
        "requires_shipping": ships and not gift_card,
        "options": _options(item.get("variant_title"), item.get("properties")),
        "line_status": "UNKNOWN",
    }


def _line_discounts(
    item: shopify.LineItem, applications: Sequence[shopify.DiscountApplication], amounts: Amounts
) -> tuple[list[Discount], int]:
    """Allocations where there are any: `total_discount` is only ever set by drafts, scripts and the API."""
    allocations = item.get("discount_allocations")
    if not allocations:
        discount = amounts.minor(item.get("total_discount"))
        if discount == 0:
            return [], 0
        return [{"code": None, "title": None, "amount": amounts.of(discount)}], discount
    discounts: list[Discount] = []
    total = 0
    for allocation in allocations:
        amount = amounts.minor(allocation["amount"])
        total += amount
        index = allocation.get("discount_application_index")
        code = title = None
        if index is not None and index < len(applications):
            application = applications[index]
            code, title = application.get("code") or None, application.get("title") or None
        discounts.append({"code": code, "title": title, "amount": amounts.of(amount)})
    return discounts, total


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
        amount = amounts.minor(tax["price"])
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


def shipping_of(order: shopify.Order, amounts: Amounts) -> tuple[list[ShippingLine], int]:
    """Shipping lines, and shipping before discounts (total_discounts includes those on shipping)."""
    mapped: list[ShippingLine] = []
    total = 0
    for shipping in order.get("shipping_lines") or ():
        price = amounts.minor(shipping["price"])
        total += price
        discounted = price
        if told := shipping.get("discounted_price"):
            discounted = amounts.minor(told)
        elif parts := shipping.get("discount_allocations"):
            discounted -= sum([amounts.minor(part["amount"]) for part in parts])
        mapped.append(
            {
                "code": shipping.get("code") or None,
                "title": shipping.get("title") or None,
                "price": amounts.of(price),
                "discounted_price": amounts.of(discounted),
                "taxes": taxes_of(shipping.get("tax_lines"), amounts)[0],
            }
        )
    pair = order.get("total_shipping_price_set")
    return mapped, total if pair is None else amounts.in_pair(pair)


def discounts_of(order: shopify.Order, amounts: Amounts) -> list[Discount]:
    """Why the order was cheaper: one entry per application, or per code in bodies from before them (2018)."""
    applications = order.get("discount_applications")
    if not applications:
        return [
            {"code": code.get("code") or None, "title": None, "amount": amounts.read(code.get("amount"))}
            for code in order.get("discount_codes") or ()
        ]
    sums = [0] * len(applications)
    for allocated in (order.get("line_items"), order.get("shipping_lines")):
        for item in allocated or ():
            for allocation in item.get("discount_allocations") or ():
                index = allocation.get("discount_application_index")
                if index is not None and index < len(sums):
                    sums[index] += amounts.minor(allocation["amount"])
    return [
        {
            "code": application.get("code") or None,
            "title": application.get("title") or None,
            "amount": amounts.of(total),
        }
        for application, total in zip(applications, sums, strict=True)
    ]
