"""Shopify's statuses in canonical terms. The words are in mappers/vocabularies/shopify.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from mappers.candidate import MappedStatuses
from mappers.shopify.payload import Order
from mappers.vocabulary import load

_VOCABULARY: Final = load("shopify")
_FINANCIAL: Final = _VOCABULARY.tables["financial_status"]
_FULFILLMENT: Final = _VOCABULARY.tables["fulfillment_status"]


def source_statuses(order: Order) -> dict[str, str]:
    """An order's native statuses, verbatim, one per native axis; an axis without a word is left out."""
    statuses = {
        "confirmed": "false" if order.get("confirmed") is False else "true",
        "cancelled": "true" if order.get("cancelled_at") is not None else "false",
        "closed": "true" if order.get("closed_at") is not None else "false",
    }
    if financial := order.get("financial_status"):
        statuses["financial"] = financial
    if fulfillment := order.get("fulfillment_status"):
        statuses["fulfillment"] = fulfillment
    return statuses


def map_statuses(source_status: Mapping[str, str]) -> MappedStatuses:
    """The three canonical statuses of `source_statuses`; unknown words give UNKNOWN and are listed."""
    get = source_status.get
    return _mapped(get("financial"), get("fulfillment"), get("confirmed"), get("cancelled"), get("closed"))


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
