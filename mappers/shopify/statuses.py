"""Shopify's statuses in canonical terms. The words are in mappers/vocabularies/shopify.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from msgspec import structs

from mappers.candidate import MappedStatuses
from mappers.shopify.lines import is_tip
from mappers.shopify.payload import LineItem, Order
from mappers.vocabulary import load

_VOCABULARY: Final = load("shopify")
_FINANCIAL: Final = _VOCABULARY.tables["financial_status"]
_FULFILLMENT: Final = _VOCABULARY.tables["fulfillment_status"]


_NOT_SHIPPED: Final = "line_items_not_shipped"
"""The axis of the lines that need no shipping: Shopify's order is not fulfilled before they are, too."""


def source_statuses(order: Order) -> dict[str, str]:
    """An order's native statuses, verbatim, one per native axis; an axis without a word is left out.

    Of lines that need no shipping, `unfulfilled` is said while some of their units are to be fulfilled:
    `fulfillable_quantity` (https://shopify.dev/docs/api/admin-rest/latest/resources/order, line_items).
    """
    statuses = {
        "confirmed": "false" if order.get("confirmed") is False else "true",
        "cancelled": "true" if order.get("cancelled_at") is not None else "false",
        "closed": "true" if order.get("closed_at") is not None else "false",
    }
    if financial := order.get("financial_status"):
        statuses["financial"] = financial
    if fulfillment := order.get("fulfillment_status"):
        statuses["fulfillment"] = fulfillment
    if any(map(_open_without_shipping, order.get("line_items") or ())):
        statuses[_NOT_SHIPPED] = "unfulfilled"
    return statuses


def _open_without_shipping(item: LineItem) -> bool:
    shipped = item.get("requires_shipping") is not False
    return not shipped and not is_tip(item) and (item.get("fulfillable_quantity") or 0) > 0


def map_statuses(source_status: Mapping[str, str]) -> MappedStatuses:
    """The three canonical statuses of `source_statuses`; unknown words give UNKNOWN and are listed."""
    get = source_status.get
    mapped = _mapped(get("financial"), get("fulfillment"), get("confirmed"), get("cancelled"), get("closed"))
    return structs.replace(mapped, unshipped_open=True) if _NOT_SHIPPED in source_status else mapped


@lru_cache(maxsize=1024)
def _mapped(
    financial: str | None,
    fulfillment: str | None,
    confirmed: str | None,
    cancelled: str | None,
    closed: str | None,
) -> MappedStatuses:
    unmapped: list[tuple[str, str]] = []
    payment = _FINANCIAL.meaning(financial)
    if payment is None:
        unmapped.append(("financial", financial or ""))
    fulfilment = _FULFILLMENT.meaning(fulfillment)
    if fulfilment is None:
        unmapped.append(("fulfillment", fulfillment or ""))
    facts = {
        "confirmed": confirmed,
        "cancelled": cancelled,
        "closed": closed,
        "fulfillment": fulfilment,
    }
    order = "CONFIRMED"
    for decision in _VOCABULARY.order_status:
        if facts[decision.axis] == decision.value:
            order = decision.status
            break
    return MappedStatuses(order, payment or "UNKNOWN", fulfilment or "UNKNOWN", tuple(unmapped))
