"""Shopify's topic: webhook bodies, with or without the headers they came with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from consumers.channel import Channel, Envelope, Headers, Ordering
from mappers import shopify
from mappers.candidate import Defect, DefectiveEvent
from mappers.shopify import bodies
from mappers.shopify.bodies import Resource

IGNORED_TOPICS: Final = frozenset(
    {
        "draft_orders/create",
        "draft_orders/update",
        "checkouts/create",
        "checkouts/update",
        "orders/edited",
        "orders/delete",
        "fulfillment_orders/cancellation_request_accepted",
        "fulfillment_orders/cancellation_request_rejected",
        "fulfillment_orders/cancellation_request_submitted",
        "fulfillment_orders/cancelled",
        "fulfillment_orders/fulfillment_request_accepted",
        "fulfillment_orders/fulfillment_request_rejected",
        "fulfillment_orders/fulfillment_request_submitted",
        "fulfillment_orders/fulfillment_service_failed_to_complete",
        "fulfillment_orders/hold_released",
        "fulfillment_orders/line_items_prepared_for_local_delivery",
        "fulfillment_orders/line_items_prepared_for_pickup",
        "fulfillment_orders/manually_reported_progress_stopped",
        "fulfillment_orders/merged",
        "fulfillment_orders/moved",
        "fulfillment_orders/order_routing_complete",
        "fulfillment_orders/placed_on_hold",
        "fulfillment_orders/progress_reported",
        "fulfillment_orders/rescheduled",
        "fulfillment_orders/scheduled_fulfillment_order_ready",
        "fulfillment_orders/split",
    }
)
"""Understood and ignored by policy: a shop that subscribes to them fills no quarantine.

What they mean for an order, the order itself tells, which Shopify sends as well; of a deleted one nothing follows.
"""

TOPICS: Final = IGNORED_TOPICS | frozenset(
    {
        "orders/create",
        "orders/updated",
        "orders/paid",
        "orders/cancelled",
        "orders/fulfilled",
        "orders/partially_fulfilled",
        "refunds/create",
        "fulfillments/create",
        "fulfillments/update",
        "order_transactions/create",
    }
)
"""Webhook topics, as in X-Shopify-Topic (https://shopify.dev/docs/api/webhooks)."""

DEDUCED: Final = {
    Resource.ORDER: "orders/snapshot",
    Resource.REFUND: "refunds/create",
    Resource.FULFILLMENT: "fulfillments/snapshot",
    Resource.DRAFT_ORDER: "draft_orders/snapshot",
    Resource.CHECKOUT: "checkouts/snapshot",
    Resource.TRANSACTION: "order_transactions/create",
    Resource.ORDER_EDIT: "orders/edited",
    Resource.FULFILLMENT_ORDER: "fulfillment_orders/snapshot",
}
"""What a body without a topic is. Some have but one topic; of an order, which change it was is unknown."""

_SPELLINGS: Final = {spelling: topic for topic in TOPICS for spelling in (topic, topic.replace("/", "_"))}


def identify(headers: Headers, document: Mapping[str, Any]) -> Envelope:
    """Reads the webhook headers, else what the body tells; raises DefectiveEvent for an unusable header.

    The account is the shop's domain in X-Shopify-Shop-Domain, else `default`: an order's
    `order_status_url` may name the shop too, but its refunds and fulfilments have no such field, and would
    not find their order under another account. Shopify's ids are unique across shops.

    The event id is X-Shopify-Webhook-Id, which is the same for every attempt at one delivery, else
    X-Shopify-Event-Id with the resource's id (https://shopify.dev/docs/apps/build/webhooks/delivery-structure,
    …/ignore-duplicates). The event id alone names a merchant's action, which may change many orders: used
    by itself it would drop all but the first. Several deliveries of one event are equal by content.
    """
    if "detail" in document and (delivered := bodies.delivery(document)) is not None:
        metadata = {
            name.lower(): value.encode() for name, value in delivered.metadata.items() if isinstance(value, str)
        }
        headers, document = {**metadata, **headers}, delivered.payload
    return Envelope(
        event_kind=_topic(headers, document) or _deduced(document),
        source_account=(_text(headers, "x-shopify-shop-domain") or "default").lower(),
        event_id=_event_id(headers, document),
    )


def _topic(headers: Headers, document: Mapping[str, Any]) -> str | None:
    told = _text(headers, "x-shopify-topic") or _forwarded(document)
    if told is None:
        return None
    topic = _SPELLINGS.get(told.lower())
    if topic is None:
        # The name is the vendor's, but whoever forges a header could put anything there.
        raise DefectiveEvent(
            [
                Defect(
                    "event_kind_known",
                    "x-shopify-topic",
                    f"the topic is not one of this channel's; expected one of {', '.join(sorted(TOPICS))}",
                )
            ]
        )
    return topic


def _forwarded(document: Mapping[str, Any]) -> str | None:
    """The topic in the request's query, where a receiver has merged that into the body."""
    query = document.get("query_parameters")
    topic = query.get("topic") if isinstance(query, Mapping) else None
    if isinstance(topic, list) and len(topic) == 1:
        topic = topic[0]
    return topic if isinstance(topic, str) and topic else None


def _deduced(document: Mapping[str, Any]) -> str | None:
    try:
        return DEDUCED.get(bodies.read(document).resource)
    except DefectiveEvent:
        # The mapper says what is wrong with the body; the envelope has nothing to add.
        return None


def key_of(document: Mapping[str, Any]) -> str | None:
    """The order's id: of the order itself, or of the one that a refund or fulfilment names."""
    name = document.get("order_id") or document.get("id")
    return str(name) if isinstance(name, int | str) and not isinstance(name, bool) else None


def _event_id(headers: Headers, document: Mapping[str, Any]) -> str | None:
    delivery = _text(headers, "x-shopify-webhook-id")
    if delivery is not None:
        return delivery
    event = _text(headers, "x-shopify-event-id")
    resource = document.get("id")
    if event is None or not isinstance(resource, int | str):
        return None
    return f"{event}:{resource}"


def _text(headers: Headers, name: str) -> str | None:
    value = headers.get(name)
    if not value:
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise DefectiveEvent([Defect("payload_shape", name, f"the header {name} is not UTF-8")]) from None
    if "\0" in text:
        # PostgreSQL cannot store it. In a body, the decoder refuses it.
        raise DefectiveEvent([Defect("payload_shape", name, f"the header {name} has a NUL character")])
    return text.strip() or None


CHANNEL: Final = Channel(
    name="shopify",
    topic="raw.shopify.orders.v1",
    ordering=Ordering.LAST_MODIFIED,  # updated_at, one-second resolution; no version in the body
    identify=identify,
    key_of=key_of,
    map_event=shopify.map_event,
    map_statuses=shopify.map_statuses,
    contract="shopify.odcs.yaml",
    event_kinds=TOPICS | frozenset(DEDUCED.values()),
    kind_header="x-shopify-topic",
)
