"""Units that were ordered and will not be shipped: what refunds and edits took out of an order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from mappers.shopify import payload as shopify
from schemas.types import Adjustment, Fulfilment, Line

_LEFT: Final = frozenset({"FULFILLED", "READY", "DELIVERED", "DELIVERY_FAILED"})


def shipped_before(instant: int | None, fulfilments: Iterable[Fulfilment]) -> Mapping[str, int]:
    """Units of each line that had left by then: later shipments do not change what a refund was for."""
    shipped: dict[str, int] = {}
    for fulfilment in fulfilments:
        created_at = fulfilment["created_at"]
        if fulfilment["status"] not in _LEFT:
            continue
        if instant is not None and created_at is not None and created_at > instant:
            continue
        for item in fulfilment["items"]:
            line = item["source_line_id"]
            shipped[line] = shipped.get(line, 0) + item["quantity"]
    return shipped


def edited(order: shopify.Order) -> bool:
    """Whether an edit or a refund has changed how much of some line is wanted."""
    for item in order.get("line_items") or ():
        if item.get("current_quantity", item["quantity"]) not in (None, item["quantity"]):
            return True
    return False


def take_out(lines: Iterable[Line], order: shopify.Order, adjustments: Iterable[Adjustment]) -> None:
    """Takes cancelled units out of `current`: those of refunds, and those that an edit removed.

    `current_quantity` is without refunded and removed units, whether they had been shipped or not
    (https://shopify.dev/docs/api/admin-graphql/latest/objects/LineItem), so what is missing in it beyond
    all refunds was removed.
    """
    refunded: dict[str, int] = {}
    cancelled: dict[str, int] = {}
    for adjustment in adjustments:
        for part in adjustment["lines"]:
            line = part["source_line_id"]
            refunded[line] = refunded.get(line, 0) + part["quantity"]
            if adjustment["kind"] == "CANCELLATION":
                cancelled[line] = cancelled.get(line, 0) + part["quantity"]
    current = {item["id"]: item.get("current_quantity") for item in order.get("line_items") or ()}
    for position in lines:
        line, quantity = position["source_line_id"], position["quantity"]
        gone = cancelled.get(line, 0)
        stated = current.get(line)
        if stated is not None:
            gone += max(quantity["ordered"] - stated - refunded.get(line, 0), 0)
        gone = min(gone, quantity["ordered"])
        quantity["cancelled"] = gone
        quantity["current"] = quantity["ordered"] - gone
