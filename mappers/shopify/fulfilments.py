"""Shipments."""

from __future__ import annotations

from itertools import zip_longest
from typing import Final, cast

from mappers.shopify import payload as shopify
from mappers.vocabulary import load
from schemas import identifiers
from schemas.types import Fulfilment, FulfilmentState, FulfilmentType, Tracking

_STATUS: Final = load("shopify").tables["fulfillment"]
_SHIPMENT: Final = load("shopify").tables["shipment"]


def fulfilment_of(fulfillment: shopify.Fulfillment, order_id: str, otherwise_at: int) -> Fulfilment:
    """One shipment; `otherwise_at` is its instant if it has no times itself.

    `source_status` is `status`, with `/shipment_status` where the carrier has told one.
    """
    updated_at = fulfillment.get("updated_at") or fulfillment.get("created_at")
    shipment = fulfillment.get("shipment_status") or None
    native = fulfillment.get("status") or None
    return {
        "fulfilment_id": fulfillment["id"],
        "type": _type(fulfillment),
        "status": _state(native, shipment),
        "source_status": f"{native or ''}/{shipment}" if shipment else native,
        "carrier": fulfillment.get("tracking_company") or None,
        "tracking": _tracking(fulfillment),
        "location_ref": fulfillment.get("location_id") or None,
        "items": [
            {
                "line_id": identifiers.line_id(order_id, item["id"]),
                "source_line_id": item["id"],
                "quantity": item["quantity"],
            }
            for item in fulfillment.get("line_items") or ()
        ],
        "promise": None
        if fulfillment.get("estimated_delivery_at") is None
        else {"earliest": None, "latest": fulfillment.get("estimated_delivery_at")},
        "events": [{"type": shipment, "at": updated_at, "detail": None}] if shipment else [],
        "created_at": fulfillment.get("created_at"),
        "updated_at": otherwise_at if updated_at is None else updated_at,
    }


def _state(native: str | None, shipment: str | None) -> FulfilmentState:
    state = _STATUS.meaning(native)
    if state == "FULFILLED":
        # A carrier's word that is not known says nothing against the shipment having left.
        state = _SHIPMENT.meaning(shipment) or "FULFILLED"
    return cast(FulfilmentState, state or "UNKNOWN")


def _type(fulfillment: shopify.Fulfillment) -> FulfilmentType:
    if (fulfillment.get("shipment_status") or "").lower() in ("ready_for_pickup", "picked_up"):
        return "PICKUP"
    items = fulfillment.get("line_items")
    if fulfillment.get("service") == "gift_card" or (items and all(i.get("requires_shipping") is False for i in items)):
        return "DIGITAL"
    return "SHIP"


def _tracking(fulfillment: shopify.Fulfillment) -> list[Tracking]:
    numbers = fulfillment.get("tracking_numbers") or [fulfillment.get("tracking_number")]
    urls = fulfillment.get("tracking_urls") or [fulfillment.get("tracking_url")]
    return [
        {"number": number or None, "url": url or None} for number, url in zip_longest(numbers, urls) if number or url
    ]
