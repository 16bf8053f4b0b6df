"""One order's way through a Shopify shop, as its webhooks tell it."""

from __future__ import annotations

from typing import Any

from ingest.demo import basket, world
from ingest.demo.journey import Chance, Journey
from ingest.demo.records import Draft, Mishap
from ingest.demo.shopify_order import ShopifyOrder
from ingest.demo.world import Shop

_API_VERSION = ("X-Shopify-API-Version", b"2026-07")
_JSON = ("content-type", b"application/json")


class _Webhooks:
    """Makes deliveries: the body, and the headers of https://shopify.dev/docs/apps/build/webhooks."""

    __slots__ = ("chance", "shop")

    def __init__(self, chance: Chance, shop: Shop) -> None:
        self.chance, self.shop = chance, shop

    def deliver(self, topic: str, body: dict[str, Any], event_id: str | None = None) -> Draft:
        """One delivery. What one action causes on several topics shares an event id."""
        headers = [
            _JSON,
            _API_VERSION,
            ("X-Shopify-Topic", topic.encode()),
            ("X-Shopify-Shop-Domain", self.shop.account.encode()),
            ("X-Shopify-Event-Id", (event_id or self.chance.uuid()).encode()),
            ("X-Shopify-Webhook-Id", self.chance.uuid().encode()),
        ]
        return Draft("shopify", topic, str(body.get("order_id") or body["id"]), body, headers)


def journey(chance: Chance, at: int) -> Journey:
    """An order placed at that time, and what becomes of it."""
    shop = world.pick(chance.random, world.shops("shopify"))
    order = ShopifyOrder(chance, shop, basket.fill(chance.random, shop), chance.buyer(shop), at)
    webhooks = _Webhooks(chance, shop)
    body = order.body
    if chance.draw() < 0.4:
        order.pay()  # captured at once: the usual setting of small shops
    overtaken = chance.draw() < 0.06
    if not overtaken:
        yield at, webhooks.deliver("orders/create", body)
    if body["financial_status"] != "paid":
        at += chance.delay(20_000, 90_000)
        order.touch(at)
        if chance.draw() < 0.1 and not overtaken:
            order.cancel(at)
            yield from _told_twice(chance, webhooks, order, "orders/cancelled", at)
            return
        order.pay()
        if not overtaken:
            yield from _told_twice(chance, webhooks, order, "orders/paid", at)
    if overtaken and chance.draw() < 0.4:
        refund = _refund(chance, webhooks, order, at)
        due, told = next(refund)
        told.mishap = Mishap.BEFORE_ITS_ORDER
        yield due, told
        yield due + 1_000, webhooks.deliver("orders/create", body)
        return
    yield from _ship(chance, webhooks, order, at, overtaken=overtaken)


def _told_twice(chance: Chance, webhooks: _Webhooks, order: ShopifyOrder, topic: str, at: int) -> Journey:
    """Most changes come under their own topic and under orders/updated, a moment apart."""
    event_id = chance.uuid()
    yield at, webhooks.deliver(topic, order.body, event_id)
    if chance.draw() < 0.5:
        yield at + 300, webhooks.deliver("orders/updated", order.body, event_id)


def _ship(chance: Chance, webhooks: _Webhooks, order: ShopifyOrder, at: int, *, overtaken: bool) -> Journey:
    lines = order.body["line_items"]
    parcels = [lines[:1], lines[1:]] if len(lines) > 1 and chance.draw() < 0.3 else [lines]
    parcel: dict[str, Any] = {}
    for content in parcels:
        at += chance.delay(30_000, 150_000)
        parcel = order.ship(content, at)
        order.touch(at)
        told = webhooks.deliver("fulfillments/create", parcel)
        if overtaken:
            told.mishap = Mishap.BEFORE_ITS_ORDER
        yield at, told
        if overtaken:
            # The webhook of the order itself was stuck, and comes now, as the order is now.
            overtaken = False
            at += 2_000
            yield at, webhooks.deliver("orders/create", order.body)
        at += 400
        whole = order.body["fulfillment_status"] == "fulfilled"
        yield at, webhooks.deliver("orders/fulfilled" if whole else "orders/partially_fulfilled", order.body)
    if chance.draw() < 0.5:
        at += chance.delay(30_000, 150_000)
        order.deliver(parcel, at)
        order.touch(at)
        yield at, webhooks.deliver("fulfillments/update", parcel)
    if chance.draw() < 0.14:
        yield from _refund(chance, webhooks, order, at)


def _refund(chance: Chance, webhooks: _Webhooks, order: ShopifyOrder, at: int) -> Journey:
    at += chance.delay(30_000, 150_000)
    refund = order.refund(int(chance.draw() * len(order.body["line_items"])), at)
    order.touch(at)
    yield at, webhooks.deliver("refunds/create", refund)
    yield at + 600, webhooks.deliver("orders/updated", order.body)
