"""The raw events of a schedule: few, small, in the channels' own formats, and meeting each other on purpose.

Orders and guests are reached from two partitions (hand-over), refunds overtake their orders (waiting), deliveries are
repeated, and some bodies are broken.
"""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache
from random import Random
from typing import Any, NamedTuple

from consumers import shopify, web
from tests.simulation.broker import Record, TopicPartitionKey
from tests.simulation.statements import START

SHOPIFY, WEB = shopify.CHANNEL.topic, web.CHANNEL.topic


class RawArrival(NamedTuple):
    """A record, where and when it is published."""

    at: float
    key: TopicPartitionKey
    record: Record
    gap: int


def instant(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def arrivals(
    random: Random, keys: list[TopicPartitionKey], number: int, within: float, early: float = 0.12
) -> list[RawArrival]:
    """So many events on these partitions, spread over `within` seconds, in clumps.

    `early`: share of refunds, which may overtake their orders and have to wait.
    """
    made: list[RawArrival] = []
    orders = random.randint(1, 3)
    at = 0.0
    for step in range(number):
        at += 0.0 if random.random() < 0.5 else random.expovariate(number / within)
        order = 1 + int(orders * random.random())
        home = keys[order % len(keys)]
        key = home if random.random() < 0.6 else keys[int(len(keys) * random.random())]
        draw = random.random()
        if draw < 0.06:
            record = _record(b"{", [], step)
        elif draw < 0.14 and made:
            earlier = made[int(len(made) * random.random())]
            key, record = earlier.key, earlier.record
        elif key[0] == WEB:
            record = _web(order, step, starts=draw < 0.5)
        else:
            record = _shopify(order, step, refund=draw < 0.14 + early)
        made.append(RawArrival(at, key, record, 2 if random.random() < 0.08 else 0))
    return made


@cache
def _shopify(order: int, step: int, *, refund: bool) -> Record:
    if refund:
        return _shopify_record(_refund(order, step), "refunds/create", step)
    return _shopify_record(_order(order, step), "orders/updated" if step else "orders/create", step)


@cache
def _web(order: int, step: int, *, starts: bool) -> Record:
    data: dict[str, Any] = {"checkout_id": f"chk_{order}"}
    if starts:
        kind = "checkout.started"
        data["cart"] = {"currency": "EUR", "total": "24.00", "line_count": 1}
    else:
        kind = "contact.captured"
        data["email"] = _email(order)
    body = {
        "event_id": f"event-{step}", "event_type": kind, "schema_version": "1", "occurred_at": instant(step),
        "store": "store-be", "session_id": f"ses_{order}", "data": data,
    }  # fmt: skip
    return _record(json.dumps(body).encode(), [("x-event-type", kind.encode())], step)


def _shopify_record(body: dict[str, Any], kind: str, step: int) -> Record:
    headers = [("X-Shopify-Topic", kind.encode()), ("X-Shopify-Shop-Domain", b"tea.myshopify.com")]
    headers.append(("X-Shopify-Event-Id", f"event-{step}".encode()))
    return _record(json.dumps(body).encode(), headers, step)


def _record(value: bytes, headers: list[tuple[str, bytes]], step: int) -> Record:
    return Record(b"key", value, headers, int(START.timestamp() * 1000) + step)


def _email(order: int) -> str:
    return f"guest{order % 2}@example.com"


def _refund(order: int, number: int) -> dict[str, Any]:
    return {
        "id": number, "order_id": order, "created_at": instant(30), "processed_at": instant(30),
        "refund_line_items": [],
        "transactions": [{"id": number * 10, "order_id": order, "kind": "refund", "status": "success",
                          "amount": "0.50", "currency": "EUR", "created_at": instant(30)}],
    }  # fmt: skip


def _order(number: int, step: int) -> dict[str, Any]:
    return {
        "id": number, "name": f"#{number}", "order_number": number, "email": _email(number), "currency": "EUR",
        "created_at": instant(0), "updated_at": instant(step), "processed_at": instant(0),
        "financial_status": "paid", "fulfillment_status": None, "confirmed": True, "test": False,
        "total_price": "24.00", "subtotal_price": "20.00", "total_tax": "0.00", "total_discounts": "0.00",
        "total_line_items_price": "20.00", "taxes_included": True, "checkout_token": f"chk_{number}",
        "cancelled_at": None, "closed_at": None, "note": f"note {step}",
        "customer": {"id": 900 + number, "email": _email(number), "state": "disabled"},
        "line_items": [
            {"id": number * 10 + 1, "title": "Tea", "sku": "TEA-1", "price": "10.00", "quantity": 2,
             "requires_shipping": True, "gift_card": False, "total_discount": "0.00"}
        ],
        "shipping_lines": [{"id": number * 10 + 2, "title": "Post", "code": "post", "price": "4.00"}],
        "shipping_address": {"first_name": "Ada", "last_name": "Guest", "address1": "Main Street 1", "city": "Berlin",
                             "zip": "10115", "country_code": "DE", "country": "Germany"},
        "fulfillments": [], "refunds": [],
    }  # fmt: skip
