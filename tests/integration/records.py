"""Raw records for the integration tests: small, made by hand, in the channels' own formats."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

SHOPIFY = "raw.shopify.orders.v1"
WEB = "raw.web.orders.v1"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Raw:
    topic: str
    value: bytes | None
    key: bytes | None = None
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    timestamp_ms: int = field(default_factory=now_ms)
    partition: int | None = None


def instant(seconds: int) -> str:
    """An instant today, `seconds` after midnight-ish, in Shopify's way."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86_400 + seconds))


def shopify_order(number: int, at: int = 0, email: str | None = None, **changes: Any) -> dict[str, Any]:
    email = email or f"guest{number}@example.com"
    order = {
        "id": number, "name": f"#{number}", "order_number": number, "email": email, "currency": "EUR",
        "created_at": instant(0), "updated_at": instant(at), "processed_at": instant(0),
        "financial_status": "pending", "fulfillment_status": None, "confirmed": True, "test": False,
        "total_price": "24.00", "subtotal_price": "20.00", "total_tax": "0.00", "total_discounts": "0.00",
        "total_line_items_price": "20.00", "taxes_included": True, "checkout_token": f"checkout-{number}",
        "cancelled_at": None, "closed_at": None,
        "customer": {"id": 900 + number, "email": email, "state": "disabled"},
        "line_items": [
            {"id": number * 10 + 1, "title": "Tea", "sku": "TEA-1", "price": "10.00", "quantity": 2,
             "requires_shipping": True, "gift_card": False, "total_discount": "0.00"}
        ],
        "shipping_lines": [{"id": number * 10 + 2, "title": "Post", "code": "post", "price": "4.00"}],
        "shipping_address": {"first_name": "Ada", "last_name": "Guest", "address1": "Main Street 1", "city": "Berlin",
                             "zip": "10115", "country_code": "DE", "country": "Germany"},
        "fulfillments": [], "refunds": [],
    }  # fmt: skip
    return {**order, **changes}


def shopify(body: dict[str, Any], kind: str, *, event: str | None = None, partition: int | None = None) -> Raw:
    headers = [("X-Shopify-Topic", kind.encode()), ("X-Shopify-Shop-Domain", b"tea.myshopify.com")]
    if event:
        headers.append(("X-Shopify-Event-Id", event.encode()))
    key = str(body.get("order_id", body["id"])).encode()
    return Raw(SHOPIFY, json.dumps(body).encode(), key, headers, partition=partition)
