"""Units that were ordered and are not wanted any more: removed before they were shipped, or returned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, get_args

from mappers.shopify import payload as shopify
from schemas.types import Adjustment, Fulfilment, FulfilmentState, Line

_LEFT: Final = frozenset({"FULFILLED", "READY", "DELIVERED", "DELIVERY_FAILED"})
_HANDED_OVER: Final = _LEFT - {"READY"}
_PACKED: Final = frozenset(get_args(FulfilmentState)) - {"CANCELLED", "FAILED"}
"""In parcels, whether those have left or are open, as Shopify counts them."""


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
    """Whether an edit, a return or a refund has changed how much of some line is wanted."""
    for item in order.get("line_items") or ():
        if item.get("current_quantity", item["quantity"]) not in (None, item["quantity"]):
            return True
    return False


def take_out(
    lines: Iterable[Line],
    order: shopify.Order,
    fulfilments: Sequence[Fulfilment],
    adjustments: Iterable[Adjustment],
) -> None:
    """Takes the units that will not be shipped out of `current`, and states those returned without a refund.

    Not to be shipped are the cancelled ones of refunds; those that an edit removed, as `current_quantity` is
    without refunded and removed units, shipped or not
    (https://shopify.dev/docs/api/admin-graphql/latest/objects/LineItem); and of the units refunded without
    a word of the goods, those never shipped. A refund without restocking may be for either: the admin
    removes unshipped units by it, the API refunds shipped ones first
    (https://community.shopify.dev/t/refunding-an-unfulfilled-item-without-restocking/19953).

    An edit removes unshipped units only. A return takes its units out of `current_quantity` too, before any
    refund or without one, so what is gone beyond the units that are never shipped was returned
    (https://shopify.dev/changelog/return-mutation-will-update-sales-previously-unchanged-until-time-of-refund).
    """
    shipped = _units(fulfilments, _HANDED_OVER)
    refunded: Counter[str] = Counter()
    returned: Counter[str] = Counter()
    cancelled: Counter[str] = Counter()
    untold: Counter[str] = Counter()
    beyond_shipped: Counter[str] = Counter()
    for adjustment in adjustments:
        for part in adjustment["lines"]:
            line, units = part["source_line_id"], part["quantity"]
            refunded[line] += units
            if adjustment["kind"] == "CANCELLATION":
                cancelled[line] += units
            elif part["returned"]:
                returned[line] += units
            else:
                untold[line] += units
                left = shipped_before(adjustment["at"], fulfilments).get(line, 0)
                beyond_shipped[line] += max(units - left, 0)
    packed = _units(fulfilments, _PACKED)
    items = {item["id"]: item for item in order.get("line_items") or ()}
    for position in lines:
        line, quantity = position["source_line_id"], position["quantity"]
        item, ordered, gone = items[line], quantity["ordered"], cancelled[line]
        stated = item.get("current_quantity")
        if stated is not None:
            taken = max(ordered - stated - refunded[line], 0)
            never_shipped = _never_to_ship(item, packed[line], ordered - shipped[line])
            may_be_back = max(shipped[line] - returned[line], 0)
            removed = max(taken - may_be_back, min(taken, max(never_shipped - gone, 0)))
            gone += removed
            if taken > removed:
                quantity["returned"] = returned[line] + taken - removed
        if untold[line]:
            never_shipped = _never_to_ship(item, packed[line], beyond_shipped[line] + gone)
            gone += min(max(never_shipped - gone, 0), untold[line])
        gone = min(gone, ordered)
        quantity["cancelled"] = gone
        quantity["current"] = ordered - gone


def _never_to_ship(item: shopify.LineItem, in_parcels: int, otherwise: int) -> int:
    """What of the line is in no parcel and will never be.

    `fulfillable_quantity` is what is still to be put into parcels. `otherwise` is for bodies without it.
    """
    if not in_parcels and (item.get("fulfillment_status") or "").lower() in ("fulfilled", "partial"):
        return 0  # it left in parcels of which this body does not list the contents
    fulfillable = item.get("fulfillable_quantity")
    if fulfillable is None:
        return otherwise
    return item["quantity"] - in_parcels - max(fulfillable, 0)


def _units(fulfilments: Iterable[Fulfilment], states: Collection[str]) -> Counter[str]:
    """Units of each line in the fulfilments of these states."""
    units: Counter[str] = Counter()
    for fulfilment in fulfilments:
        if fulfilment["status"] in states:
            for item in fulfilment["items"]:
                units[item["source_line_id"]] += item["quantity"]
    return units
