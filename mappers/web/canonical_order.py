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
    total_of,
)
from mappers.web.statuses import map_statuses, source_statuses
from schemas import identifiers
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

MAPPER_VERSION: Final = "web/1.0.0"
SOURCE: Final = "web"


def map_order(event: OrderEvent, context: EventContext) -> CanonicalOrder:
    """The order of an event as the canonical order, statuses as its vocabulary says, not yet derived."""
    order = event.data.order
    currency = order.currency
    order_id = identifiers.order_id(SOURCE, event.store, order.order_id)
    amounts = reader(currency)
    lines = [_line(line, order_id, amounts, currency) for line in order.lines]
    payments = [map_payment(payment, amounts) for payment in order.payments]
    fulfilments = [map_fulfilment(part, order_id) for part in order.fulfilments]
    adjustments = [map_refund(refund, order_id, amounts) for refund in order.refunds]
    totals = map_totals(order, payments, adjustments, amounts)
    source_status = source_statuses(order, totals, lines, payments, fulfilments, adjustments)
    statuses = map_statuses(source_status)
    updated_at = order.updated_at or event.occurred_at
    customer = order.customer
    return {
        "order_id": order_id,
        "source": SOURCE,
        "source_account": event.store,
        "source_order_id": order.order_id,
        "source_order_number": order.number or None,
        "aliases": [],
        "checkout_id": order.checkout_id,
        "origin_channel": canonical_word(order.origin),
        "sub_channel": None,
        "location_ref": None,
        "schema_version": event.schema_version,
        "mapper_version": MAPPER_VERSION,
        "ruleset_version": "",
        "source_version": str(order.version),
        "source_updated_at": updated_at,
        "occurred_at": event.occurred_at,
        "ingested_at": context.received_at,
        "canonical_version": 0,
        "content_hash": "",
        "order_status": statuses.order,  # type: ignore[typeddict-item]  # the vocabulary is checked at load
        "payment_status": statuses.payment,  # type: ignore[typeddict-item]
        "fulfilment_status": statuses.fulfilment,  # type: ignore[typeddict-item]
        "source_status": source_status,
        "status_basis": "MAPPED",
        "hold_reason": order.hold_reason if order.held_at else None,
        "hold_reason_text": None,
        "cancel_reason": order.cancel_reason,
        "cancel_reason_text": order.cancel_note or None,
        "flags": _flags(order),
        "placed_at": order.placed_at,
        "placed_at_basis": "SOURCE",
        "confirmed_at": order.confirmed_at,
        "completed_at": None,
        "cancelled_at": order.cancelled_at,
        "closed_at": order.closed_at,
        "customer": {
            "kind": "MEMBER" if customer.type == "member" else "GUEST",
            "customer_id": customer.customer_id,
            "guest_id": None,
            "assurance": "UNKNOWN",
            "loyalty_ref": customer.loyalty_id,
        },
        "contact": _contact(order.contact),
        "consents": [map_consent(consent) for consent in order.consents],
        "billing_address": _address(order.billing_address),
        "shipping_address": _address(order.shipping_address),
        "currency": currency,
        "presentment_currency": None,
        "fx_rate": None,
        "totals": totals,
        "prices_include_tax": order.prices_include_tax,
        "tax_lines": [_tax(tax, amounts) for tax in order.taxes],
        "discounts": [_discount(discount, amounts) for discount in order.discounts],
        "shipping_lines": [_shipping(part, amounts) for part in order.shipping],
        "lines": lines,
        "payments": payments,
        "fulfilments": fulfilments,
        "adjustments": adjustments,
        "promises": [],
        "attribution": order.attribution,
        "locale": order.locale or None,
        "note": order.note or None,
        "quality": {"score": 100, "findings": [], "disposition": "PASS"},
        "lineage": {
            "raw_topic": "",
            "raw_partition": -1,
            "raw_offset": -1,
            "raw_event_id": event.event_id,
            "raw_hash": "",
            "mapper_run_id": "",
        },
    }


def _flags(order: web.Order) -> list[str]:
    flags = []
    if order.gift:
        flags.append("gift")
    for payment in order.payments:
        if payment.method in ("pay_later", "cash_on_delivery"):
            flags.append("pay_later")
            break
    if order.test:
        flags.append("test")
    return flags


def _contact(contact: web.Contact) -> Contact:
    return {
        "email_raw": contact.email or None,
        "email_norm": None,
        "email_hash": None,
        "phone_raw": contact.phone or None,
        "phone_e164": None,
        "phone_hash": None,
        "relay": contact.relay,
        "verified_at": contact.verified_at,
        "preferred_channel": contact.preferred,
    }


def map_consent(consent: web.Consent) -> Consent:
    """One consent."""
    return {
        "purpose": consent.purpose,
        "channel": consent.channel or None,
        "granted": consent.granted,
        "at": consent.at,
        "text_version": consent.text_version or None,
        "source": consent.source or None,
    }


def _address(address: web.Address | None) -> Address | None:
    if address is None:
        return None
    return {
        "given_name": address.given_name or None,
        "family_name": address.family_name or None,
        "full_name": address.full_name or None,
        "company": address.company or None,
        "lines": [line for line in address.lines if line],
        "city": address.city or None,
        "district": address.district or None,
        "region": address.region or None,
        "postal_code": address.postal_code or None,
        "country": address.country or None,
        "phone": address.phone or None,
        "latitude": address.latitude or None,
        "longitude": address.longitude or None,
        "type": address.type or None,
        "unparsed": None,
    }


def _discount(discount: web.Discount, amounts: Amounts) -> Discount:
    return {
        "code": discount.code or None,
        "title": discount.title or None,
        "amount": amounts(discount.amount),
    }


def _tax(tax: web.Tax, amounts: Amounts) -> TaxLine:
    return {
        "jurisdiction": tax.jurisdiction or None,
        "title": tax.title or None,
        "rate": tax.rate,
        "amount": amounts(tax.amount),
        "remitter": "MERCHANT" if tax.remitter == "merchant" else "MARKETPLACE",
    }


def _shipping(part: web.Shipping, amounts: Amounts) -> ShippingLine:
    price = amounts(part.price)
    return {
        "code": part.code or None,
        "title": part.title or None,
        "price": price,
        "discounted_price": price if part.discounted_price is None else amounts(part.discounted_price),
        "taxes": [_tax(tax, amounts) for tax in part.taxes],
    }


def _line(line: web.Line, order_id: str, amounts: Amounts, currency: str) -> Line:
    parent = line.parent_line_id
    discounts = [_discount(discount, amounts) for discount in line.discounts]
    taxes = [_tax(tax, amounts) for tax in line.taxes]
    return {
        "line_id": identifiers.line_id(order_id, line.line_id),
        "source_line_id": line.line_id,
        "sku": line.sku or None,
        "product_ref": line.product_id or None,
        "variant_ref": line.variant_id or None,
        "gtin": line.gtin or None,
        "title": line.title or None,
        "kind": canonical_word(line.kind),
        "parent_line_id": None if parent is None else identifiers.line_id(order_id, parent),
        "unit_price": amounts(line.unit_price),
        "quantity": {
            "unit": line.unit,
            "scale": line.scale,
            "ordered": line.quantity,
            "current": line.quantity - line.cancelled_quantity,
            "allocated": 0,
            "fulfilled": 0,
            "delivered": 0,
            "returned": 0,
            "cancelled": line.cancelled_quantity,
        },
        "discounts": discounts,
        "discount_total": total_of([discount["amount"] for discount in discounts], currency),
        "taxes": taxes,
        "tax_total": total_of([tax["amount"] for tax in taxes], currency),
        "total": amounts(line.total),
        "requires_shipping": line.requires_shipping,
        "options": [{"name": option.name, "value": option.value} for option in line.options],
        "line_status": "PROCESSING",
    }
