"""What a seed publishes: journeys of both channels with their mishaps, and orders and guests that partitions share."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.demo.stream import stream as journeys
from tests.integration.records import SHOPIFY, Raw, instant, shopify, shopify_order

PARTITIONS = 3
_SIMULATED_MS = 800
_GUESTS = 12


@dataclass(frozen=True)
class Shape:
    """How a stream spreads its shared orders."""

    count: int
    partitions: int = PARTITIONS
    hot: float = 0.0
    """The share of them that partition 0 gets."""
    spread: float = 0.25
    """The share of them that is keyed badly, so that partitions share an order."""


def events(chance: random.Random, shape: Shape) -> Iterator[Raw]:
    """Raw events in the order to publish them: half are journeys of the demo, half are shared orders."""
    count = shape.count
    shared = list(_shared_orders(chance, shape))
    start = time.time_ns() // 1_000_000 - count * _SIMULATED_MS
    told = [
        Raw(one.topic, one.value, one.key, one.headers, one.timestamp_ms)
        for one in journeys(chance.randrange(1 << 30), count - len(shared), start)
    ]
    while shared or told:
        yield (shared if chance.random() * (len(shared) + len(told)) < len(shared) else told).pop(0)


def _shared_orders(chance: random.Random, shape: Shape) -> Iterator[Raw]:
    """Orders of few guests over all partitions; some are keyed badly, so that partitions share an order."""
    steps: list[list[Raw]] = []
    number = chance.randrange(10**6) * 1000
    made, count = 0, shape.count // 2
    while made < count:
        number += 1
        one = list(_order(chance, number, shape))[: count - made]
        made += len(one)
        steps.append(one)
    under_way: list[list[Raw]] = []
    while steps or under_way:
        while steps and len(under_way) < 8:
            under_way.append(steps.pop())
        one = chance.choice(under_way)
        yield one.pop(0)
        if not one:
            under_way.remove(one)


def _order(chance: random.Random, number: int, shape: Shape) -> Iterator[Raw]:
    home = 0 if chance.random() < shape.hot else chance.randrange(shape.partitions)
    spread = chance.random() < shape.spread
    email = f"guest{chance.randrange(_GUESTS)}@example.com"

    def put(body: dict, kind: str, event: str) -> Raw:
        partition = chance.randrange(shape.partitions) if spread else home
        return shopify(body, kind, event=f"{number}-{event}", partition=partition)

    placed = put(shopify_order(number, at=0, email=email), "orders/create", "created")
    refund = {
        "id": number * 7, "order_id": number, "created_at": instant(90), "processed_at": instant(90),
        "refund_line_items": [],
        "transactions": [{"id": number * 70, "order_id": number, "kind": "refund", "status": "success",
                          "amount": "5.00", "currency": "EUR", "created_at": instant(90)}],
    }  # fmt: skip
    early = chance.random() < 0.1
    if early:
        yield put(refund, "refunds/create", "refunded")
    yield placed
    if chance.random() < 0.1:
        yield placed
    yield put(
        shopify_order(number, at=60, email=email, financial_status="paid"),
        "orders/paid",
        "paid",
    )
    for step in range(chance.randrange(3)):
        changed = shopify_order(number, at=120 + step, email=email, financial_status="paid", note=f"note {step}")
        yield put(changed, "orders/updated", f"note{step}")
    if chance.random() < 0.05:
        yield Raw(SHOPIFY, b"{", str(number).encode(), [("X-Shopify-Topic", b"orders/updated")], partition=home)
