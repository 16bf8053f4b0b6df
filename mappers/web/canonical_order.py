"""From a web order to the canonical order, one function per part."""

from __future__ import annotations

from typing import Final

from mappers.candidate import EventContext
from mappers.web import order_payload as web
from mappers.web.events import OrderEvent
from mappers.web.movements import (
    Amounts,
    canonical_word,
    map_fulfilment,
    map_payment,
    map_refund,
    map_totals,
    reader,
)
from mappers.web.statuses import map_statuses, source_statuses
from schemas import identifiers, money
from schemas.types import (
    Address,
    CanonicalOrder,
    Consent,
    Contact,
    Discount,
    Line,
    ShippingLine,
    TaxLine,
)

MAPPER_VERSION: Final = "web/1.3.0"
SOURCE: Final = "web"


def map_order(event: OrderEvent, context: EventContext) -> CanonicalOrder:
    """The order of an event as the canonical order, statuses as its vocabulary says, not yet derived."""
    order = event["data"]["order"]
    currency = order["currency"]
    order_id = identifiers.order_id(SOURCE, event["store"], order["order_id"])
    amounts = reader(currency)
    lines = [_line(line, order_id, amounts, currency) for line in order["lines"]]
    payments = [map_payment(payment, amounts) for payment in order.get("payments") or ()]
    fulfilments = [map_fulfilment(part, order_id) for part in order.get("fulfilments") or ()]
    adjustments = [map_refund(refund, order_id, amounts) for refund in order.get("refunds") or ()]
    totals = map_totals(order, payments, adjustments, amounts)
    source_status = source_statuses(order, totals, lines, payments, fulfilments, adjustments)
    statuses = map_statuses(source_status)
    updated_at = order.get("updated_at") or event["occurred_at"]
    customer = order["customer"]
    return {
        "order_id": order_id,
        "source": SOURCE,
        "source_account": event["store"],
        "source_order_id": order["order_id"],
        "source_order_number": order.get("number") or None,
        "aliases": [],
        "checkout_id": order.get("checkout_id"),
        "origin_channel": canonical_word(order.get("origin") or "web"),
        "sub_channel": None,
        "location_ref": None,
        "schema_version": event["schema_version"],
        "mapper_version": MAPPER_VERSION,
        "ruleset_version": "",
        "source_version": str(order["version"]),
        "source_updated_at": updated_at,
        "occurred_at": event["occurred_at"],
        "ingested_at": context.received_at,
        "canonical_version": 0,
        "content_hash": "",
        "order_status": statuses.order,  # type: ignore[typeddict-item]  # the vocabulary is checked at load
        "payment_status": statuses.payment,  # type: ignore[typeddict-item]  # names of that enum: the tables are checked at load
        "fulfilment_status": statuses.fulfilment,  # type: ignore[typeddict-item]  # names of that enum: the tables are checked at load
        "source_status": source_status,
        "status_basis": "MAPPED",
        "hold_reason": order.get("hold_reason") if order.get("held_at") else None,
        "hold_reason_text": None,
        "cancel_reason": order.get("cancel_reason"),
        "cancel_reason_text": order.get("cancel_note") or None,
        "flags": _flags(order),
        "placed_at": order["placed_at"],
        "placed_at_basis": "SOURCE",
        "confirmed_at": order.get("confirmed_at"),
        "completed_at": None,
        "cancelled_at": order.get("cancelled_at"),
        "closed_at": order.get("closed_at"),
        "customer": {
            "kind": "MEMBER" if customer["type"] == "member" else "GUEST",
            "customer_id": customer.get("customer_id"),
            "guest_id": None,
            "assurance": "UNKNOWN",
            "loyalty_ref": customer.get("loyalty_id"),
        },
        "contact": _contact(order["contact"]),
        "consents": [map_consent(consent) for consent in order.get("consents") or ()],
        "billing_address": _address(order.get("billing_address")),
        "shipping_address": _address(order.get("shipping_address")),
        "currency": currency,
        "presentment_currency": None,
        "fx_rate": None,
        "totals": totals,
        "prices_include_tax": order["prices_include_tax"],
        "tax_lines": [_tax(tax, amounts) for tax in order.get("taxes") or ()],
        "discounts": [_discount(discount, amounts) for discount in order.get("discounts") or ()],
        "shipping_lines": [_shipping(part, amounts) for part in order.get("shipping") or ()],
        "lines": lines,
        "payments": payments,
        "fulfilments": fulfilments,
        "adjustments": adjustments,
        "promises": [],
        "attribution": order.get("attribution") or {},
        "locale": order.get("locale") or None,
        "note": order.get("note") or None,
        "quality": {"score": 100, "findings": [], "disposition": "PASS"},
        "lineage": {
            "raw_topic": "",
            "raw_partition": -1,
            "raw_offset": -1,
            "raw_event_id": event["event_id"],
            "raw_hash": "",
            "mapper_run_id": "",
        },
    }


def _flags(order: web.Order) -> list[str]:
    flags = []
    if order.get("gift"):
        flags.append("gift")
    for payment in order.get("payments") or ():
        if payment["method"] in ("pay_later", "cash_on_delivery"):
            flags.append("pay_later")
            break
    if order.get("test"):
        flags.append("test")
    return flags


def _contact(contact: web.Contact) -> Contact:
    return {
        "email_raw": contact.get("email") or None,
        "email_norm": None,
        "email_hash": None,
        "phone_raw": contact.get("phone") or None,
        "phone_e164": None,
        "phone_hash": None,
        "relay": contact.get("relay") or False,
        "verified_at": contact.get("verified_at"),
        "preferred_channel": contact.get("preferred"),
    }


def map_consent(consent: web.Consent) -> Consent:
    """One consent."""
    return {
        "purpose": consent["purpose"],
        "channel": consent.get("channel") or None,
        "granted": consent["granted"],
        "at": consent.get("at"),
        "text_version": consent.get("text_version") or None,
        "source": consent.get("source") or None,
    }


def _address(address: web.Address | None) -> Address | None:
    if address is None:
        return None
    return {
        "given_name": address.get("given_name") or None,
        "family_name": address.get("family_name") or None,
        "full_name": address.get("full_name") or None,
        "company": address.get("company") or None,
        "lines": [line for line in address["lines"] if line],
        "city": address.get("city") or None,
        "district": address.get("district") or None,
        "region": address.get("region") or None,
        "postal_code": address.get("postal_code") or None,
        "country": address["country"] or None,
        "phone": address.get("phone") or None,
        "latitude": address.get("latitude") or None,
        "longitude": address.get("longitude") or None,
        "type": address.get("type") or None,
        "unparsed": None,
    }


def _discount(discount: web.Discount, amounts: Amounts) -> Discount:
    return {
        "code": discount.get("code") or None,
        "title": discount.get("title") or None,
        "amount": amounts(discount["amount"]),
    }


def _tax(tax: web.Tax, amounts: Amounts) -> TaxLine:
    return {
        "jurisdiction": tax.get("jurisdiction") or None,
        "title": tax.get("title") or None,
        "rate": tax.get("rate"),
        "amount": amounts(tax["amount"]),
        "remitter": "MARKETPLACE" if tax.get("remitter") == "marketplace" else "MERCHANT",
    }


def _shipping(part: web.Shipping, amounts: Amounts) -> ShippingLine:
    price, discounted = amounts(part["price"]), part.get("discounted_price")
    return {
        "code": part.get("code") or None,
        "title": part.get("title") or None,
        "price": price,
        "discounted_price": price if discounted is None else amounts(discounted),
        "taxes": [_tax(tax, amounts) for tax in part.get("taxes") or ()],
    }


def _line(line: web.Line, order_id: str, amounts: Amounts, currency: str) -> Line:
    parent = line.get("parent_line_id")
    cancelled = line.get("cancelled_quantity") or 0
    discounts = [_discount(discount, amounts) for discount in line.get("discounts") or ()]
    taxes = [_tax(tax, amounts) for tax in line.get("taxes") or ()]
    return {
        "line_id": identifiers.line_id(order_id, line["line_id"]),
        "source_line_id": line["line_id"],
        "sku": line.get("sku") or None,
        "product_ref": line.get("product_id") or None,
        "variant_ref": line.get("variant_id") or None,
        "gtin": line.get("gtin") or None,
        "title": line["title"] or None,
        "kind": canonical_word(line.get("kind") or "good"),
        "parent_line_id": None if parent is None else identifiers.line_id(order_id, parent),
        "unit_price": amounts(line["unit_price"]),
        "quantity": {
            "unit": line.get("unit") or "piece",
            "scale": line.get("scale") or 0,
            "ordered": line["quantity"],
            "current": line["quantity"] - cancelled,
            "allocated": 0,
            "fulfilled": 0,
            "delivered": 0,
            "returned": 0,
            "cancelled": cancelled,
        },
        "discounts": discounts,
        "discount_total": money.total_of([discount["amount"] for discount in discounts], currency),
        "taxes": taxes,
        "tax_total": money.total_of([tax["amount"] for tax in taxes], currency),
        "total": amounts(line["total"]),
        "requires_shipping": line.get("requires_shipping") is not False,
        "options": [{"name": option["name"], "value": option["value"]} for option in line.get("options") or ()],
        "line_status": "PROCESSING",
    }
