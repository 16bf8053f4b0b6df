"""Orders to check: one clean order of three lines, and changes of single fields by path."""

import copy
import re
from typing import Any

from schemas import identifiers
from schemas.types import (
    Adjustment,
    AdjustmentKind,
    AdjustmentState,
    CanonicalOrder,
    Fulfilment,
    FulfilmentState,
    Line,
    Money,
    Payment,
)

NOW = 1_770_000_000_000_000
"""The arrival of the clean order, microseconds."""
MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

ORDER_ID = identifiers.order_id("web", "shop", "1001")
LINE_IDS = [identifiers.line_id(ORDER_ID, str(number)) for number in (1, 2, 3)]


def eur(minor: int, exponent: int = 2) -> Money:
    return {"amount_minor": minor, "currency": "EUR", "exponent": exponent}


def line(index: int, unit_price: int, ordered: int, discount: int = 0, tax: int = 0) -> Line:
    return {
        "line_id": LINE_IDS[index],
        "source_line_id": str(index + 1),
        "sku": f"SKU-{index + 1}",
        "product_ref": None,
        "variant_ref": None,
        "gtin": None,
        "title": "A thing",
        "kind": "GOOD",
        "parent_line_id": None,
        "unit_price": eur(unit_price),
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
        "discounts": [],
        "discount_total": eur(discount),
        "taxes": [{"jurisdiction": "BE", "title": "VAT", "rate": "0.21", "amount": eur(tax), "remitter": "MERCHANT"}],
        "tax_total": eur(tax),
        "total": eur(unit_price * ordered - discount),
        "requires_shipping": True,
        "options": [],
        "line_status": "PROCESSING",
    }


def payment(kind: str = "SALE", amount: int = 12_100, method: str = "CARD") -> Payment:
    return {
        "payment_id": "p1",
        "method": method,  # type: ignore[typeddict-item]  # any text, to be checked
        "gateway": None,
        "kind": kind,  # type: ignore[typeddict-item]  # any text, to be checked
        "status": "SUCCEEDED",
        "amount": eur(amount),
        "at": NOW - HOUR // 2,
        "updated_at": NOW - HOUR // 2,
        "parent_payment_id": None,
        "external_ref": None,
    }


def fulfilment(
    items: dict[int, int],
    status: FulfilmentState = "FULFILLED",
    id_: str = "f1",
    at: int = NOW - 10 * MINUTE,
) -> Fulfilment:
    """A parcel with `items` as {line index: quantity}."""
    return {
        "fulfilment_id": id_,
        "type": "SHIP",
        "status": status,
        "source_status": None,
        "carrier": None,
        "tracking": [],
        "location_ref": None,
        "items": [
            {"line_id": LINE_IDS[index], "source_line_id": str(index + 1), "quantity": quantity}
            for index, quantity in items.items()
        ],
        "promise": None,
        "events": [],
        "created_at": at,
        "updated_at": at,
    }


def adjustment(
    amount: int,
    items: dict[int, int] | None = None,
    kind: AdjustmentKind = "REFUND",
    status: AdjustmentState = "COMPLETED",
    id_: str = "a1",
    returned: bool = False,
) -> Adjustment:
    """Money going back, with `items` as {line index: quantity}."""
    return {
        "adjustment_id": id_,
        "kind": kind,
        "status": status,
        "reason": None,
        "lines": [
            {
                "line_id": LINE_IDS[index],
                "source_line_id": str(index + 1),
                "quantity": quantity,
                "returned": returned,
                "amount": eur(0),
            }
            for index, quantity in (items or {}).items()
        ],
        "amount": eur(amount),
        "at": NOW - 5 * MINUTE,
        "updated_at": NOW - 5 * MINUTE,
    }


def refund(amount: int, of_line: int, exponent: int = 2, units: int = 1, returned: bool = False) -> Adjustment:
    """Money going back for units of the first line, with what the line says of it."""
    whole = adjustment(amount, {0: units}, returned=returned)
    whole["lines"][0]["amount"] = eur(of_line, exponent)
    return whole


_CLEAN: CanonicalOrder = {
    "order_id": ORDER_ID,
    "source": "web",
    "source_account": "shop",
    "source_order_id": "1001",
    "source_order_number": "1001",
    "aliases": [],
    "checkout_id": "c-1",
    "origin_channel": "WEB",
    "sub_channel": None,
    "location_ref": None,
    "schema_version": "1",
    "mapper_version": "web/1",
    "ruleset_version": "",
    "source_version": "1",
    "source_updated_at": NOW - MINUTE,
    "occurred_at": NOW - MINUTE,
    "ingested_at": NOW,
    "canonical_version": 0,
    "content_hash": "",
    "order_status": "CONFIRMED",
    "payment_status": "PAID",
    "fulfilment_status": "UNFULFILLED",
    "source_status": {"order": "confirmed"},
    "status_basis": "MAPPED",
    "hold_reason": None,
    "hold_reason_text": None,
    "cancel_reason": None,
    "cancel_reason_text": None,
    "flags": [],
    "placed_at": NOW - HOUR,
    "placed_at_basis": "SOURCE",
    "confirmed_at": NOW - HOUR // 2,
    "completed_at": None,
    "cancelled_at": None,
    "closed_at": None,
    "customer": {
        "kind": "GUEST",
        "customer_id": None,
        "guest_id": "g",
        "assurance": "UNKNOWN",
        "loyalty_ref": None,
    },
    "contact": {
        "email_raw": "Ann@Example.com",
        "email_norm": "ann@example.com",
        "email_hash": "k1:aa",
        "phone_raw": "0470 12 34 56",
        "phone_e164": "+32470123456",
        "phone_hash": "k1:bb",
        "relay": False,
        "verified_at": None,
        "preferred_channel": None,
    },
    "consents": [],
    "billing_address": None,
    "shipping_address": {
        "given_name": "Ann",
        "family_name": "Peeters",
        "full_name": None,
        "company": None,
        "lines": ["Nieuwstraat 1"],
        "city": "Brussel",
        "district": None,
        "region": None,
        "postal_code": "1000",
        "country": "BE",
        "phone": None,
        "latitude": None,
        "longitude": None,
        "type": None,
        "unparsed": None,
    },
    "currency": "EUR",
    "presentment_currency": None,
    "fx_rate": None,
    "totals": {
        "items_gross": eur(10_000),
        "discount": eur(500),
        "shipping": eur(500),
        "tax": eur(2_100),
        "fees": eur(0),
        "tip": eur(0),
        "gift_card": eur(0),
        "total_original": eur(12_100),
        "total_current": eur(12_100),
        "authorised": eur(0),
        "captured": eur(12_100),
        "refunded": eur(0),
        "net_due": eur(0),
    },
    "prices_include_tax": False,
    "tax_lines": [{"jurisdiction": "BE", "title": "VAT", "rate": "0.21", "amount": eur(2_100), "remitter": "MERCHANT"}],
    "discounts": [],
    "shipping_lines": [
        {
            "code": "std",
            "title": "Standard",
            "price": eur(500),
            "discounted_price": eur(500),
            "taxes": [
                {
                    "jurisdiction": "BE",
                    "title": "VAT",
                    "rate": "0.21",
                    "amount": eur(105),
                    "remitter": "MERCHANT",
                }
            ],
        }
    ],
    "lines": [line(0, 2_000, 2, 500, 735), line(1, 5_000, 1, 0, 1_050), line(2, 1_000, 1, 0, 210)],
    "payments": [payment()],
    "fulfilments": [],
    "adjustments": [],
    "promises": [],
    "attribution": {},
    "locale": "nl-BE",
    "note": None,
    "quality": {"score": 100, "findings": [], "disposition": "PASS"},
    "lineage": {
        "raw_topic": "",
        "raw_partition": -1,
        "raw_offset": -1,
        "raw_event_id": None,
        "raw_hash": "",
        "mapper_run_id": "",
    },
}


def clean(**changes: Any) -> CanonicalOrder:
    """A fresh order that breaks no rule, with top-level fields replaced."""
    order: Any = copy.deepcopy(_CLEAN)
    order.update(copy.deepcopy(changes))
    return order  # type: ignore[no-any-return]  # changed by path


def changed(changes: dict[str, Any]) -> CanonicalOrder:
    """The clean order with the fields at the paths (`lines[1].quantity.ordered`) replaced."""
    order: Any = clean()
    for path, value in changes.items():
        *above, last = [int(part) if part.isdigit() else part for part in re.findall(r"\w+", path)]
        target = order
        for part in above:
            target = target[part]
        target[last] = copy.deepcopy(value)
    return order  # type: ignore[no-any-return]  # changed by path
