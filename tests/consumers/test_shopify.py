"""Shopify's envelope: which event, of which shop, how often."""

from __future__ import annotations

from typing import Any

import pytest

from consumers.shopify import CHANNEL, TOPICS
from mappers.candidate import DefectiveEvent

HEADERS = {
    "x-shopify-topic": b"orders/create",
    "x-shopify-shop-domain": b"Example-Shop.myshopify.com",
    "x-shopify-webhook-id": b"b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
    "x-shopify-event-id": b"98880550-7158-44d4-b7cd-2c97c8a091b5",
}
ORDER: dict[str, Any] = {"id": 1, "line_items": [], "total_price": "1.00"}


def test_webhook_headers_tell_topic_shop_and_delivery() -> None:
    """A forwarded webhook is recognised by its own headers, whatever the case of the shop's domain."""
    envelope = CHANNEL.identify(HEADERS, ORDER)
    assert (envelope.event_kind, envelope.source_account, envelope.event_id) == (
        "orders/create",
        "example-shop.myshopify.com",
        "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
    )


def test_one_action_on_several_orders_is_several_events() -> None:
    """A bulk action shares one event id among its orders: none of them may be dropped as a duplicate."""
    headers = {name: value for name, value in HEADERS.items() if name != "x-shopify-webhook-id"}
    first = CHANNEL.identify(headers, {**ORDER, "id": 1}).event_id
    second = CHANNEL.identify(headers, {**ORDER, "id": 2}).event_id
    again = CHANNEL.identify(headers, {**ORDER, "id": 1}).event_id
    assert first == again != second


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_every_declared_topic_is_an_event_kind(topic: str) -> None:
    """Nothing is declared that is not accepted, with a slash as in headers or without as in queries."""
    for spelling in (topic, topic.replace("/", "_"), topic.upper()):
        kind = CHANNEL.identify({"x-shopify-topic": spelling.encode()}, ORDER).event_kind
        assert kind == topic
        assert kind in CHANNEL.event_kinds


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (ORDER, "orders/snapshot"),
        ({"order": ORDER}, "orders/snapshot"),
        ({"orders": [ORDER]}, "orders/snapshot"),
        ({"id": 2, "order_id": 1, "refund_line_items": []}, "refunds/create"),
        ({"id": 2, "order_id": 1, "transactions": [], "note": None}, "refunds/create"),
        ({"id": 3, "order_id": 1, "status": "success", "line_items": []}, "fulfillments/snapshot"),
        ({"id": 3, "order_id": 1, "tracking_numbers": []}, "fulfillments/snapshot"),
        ({"id": 4, "admin_graphql_api_id": "gid://shopify/DraftOrder/4"}, "draft_orders/snapshot"),
        ({"id": 5, "abandoned_checkout_url": "https://example.org/c"}, "checkouts/snapshot"),
        ({"id": 6, "order_id": 1, "kind": "sale", "amount": "1.00"}, "order_transactions/create"),
        ({"order_edit": {"id": 7, "order_id": 1}}, "orders/edited"),
        ({"fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/8"}}, "fulfillment_orders/snapshot"),
        ({"greeting": "hello"}, None),
    ],
)
def test_a_body_without_headers_tells_what_it_is(body: dict[str, Any], kind: str | None) -> None:
    """A connector that drops the headers still publishes usable events."""
    envelope = CHANNEL.identify({}, body)
    assert envelope.event_kind == kind
    assert kind is None or kind in CHANNEL.event_kinds


def test_an_order_and_its_fulfilment_without_headers_have_one_account() -> None:
    """Only the order names its shop in a link; its fulfilment must find it all the same."""
    order = {**ORDER, "order_status_url": "https://example-shop.myshopify.com/1/orders/a/authenticate"}
    fulfillment = {"id": 3, "order_id": 1, "tracking_number": "T1"}
    assert CHANNEL.identify({}, order).source_account == CHANNEL.identify({}, fulfillment).source_account


def test_a_webhook_delivered_by_eventbridge_is_the_same_event() -> None:
    """A shop that subscribes with EventBridge gets headers inside the body; nothing else differs."""
    metadata = {name.title(): value.decode() for name, value in HEADERS.items()}
    bridged = {"detail-type": "shopifyWebhook", "detail": {"payload": ORDER, "metadata": metadata}}
    assert CHANNEL.identify({}, bridged) == CHANNEL.identify(HEADERS, ORDER)


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ({"x-shopify-topic": b"customers/create"}, "event_kind_known"),
        ({"x-shopify-topic": b"orders/\xff"}, "payload_shape"),
        ({"x-shopify-shop-domain": b"\xff"}, "payload_shape"),
        ({"x-shopify-shop-domain": b"shop.example\0"}, "payload_shape"),
        ({"x-shopify-webhook-id": b"b5\x0045"}, "payload_shape"),
    ],
)
def test_an_unusable_header_is_refused_by_name(headers: dict[str, bytes], rule: str) -> None:
    """The publisher learns which header is wrong."""
    with pytest.raises(DefectiveEvent) as refused:
        CHANNEL.identify(headers, ORDER)
    (defect,) = refused.value.defects
    assert defect.rule == rule
    assert defect.path in headers
