"""Which of Shopify's resources a body is: told by its wrapper, its global id, or its fields."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from mappers.candidate import Defect, DefectiveEvent


class Resource(StrEnum):
    """What a body is about, by the first part of its webhook topics; an edit has `orders/edited`."""

    ORDER = "orders"
    REFUND = "refunds"
    FULFILLMENT = "fulfillments"
    DRAFT_ORDER = "draft_orders"
    CHECKOUT = "checkouts"
    TRANSACTION = "order_transactions"
    ORDER_EDIT = "order_edits"
    FULFILLMENT_ORDER = "fulfillment_orders"


class Body(NamedTuple):
    """A body without its wrapper."""

    resource: Resource
    fields: Mapping[str, Any]


_SINGLE: Final = {
    "order": Resource.ORDER,
    "refund": Resource.REFUND,
    "fulfillment": Resource.FULFILLMENT,
    "draft_order": Resource.DRAFT_ORDER,
    "checkout": Resource.CHECKOUT,
    "transaction": Resource.TRANSACTION,
    "order_edit": Resource.ORDER_EDIT,
    "fulfillment_order": Resource.FULFILLMENT_ORDER,
}
_LIST: Final = {
    "orders": Resource.ORDER,
    "refunds": Resource.REFUND,
    "fulfillments": Resource.FULFILLMENT,
    "draft_orders": Resource.DRAFT_ORDER,
    "checkouts": Resource.CHECKOUT,
    "transactions": Resource.TRANSACTION,
}
_GLOBAL_ID: Final = {
    "Order": Resource.ORDER,
    "Refund": Resource.REFUND,
    "Fulfillment": Resource.FULFILLMENT,
    "DraftOrder": Resource.DRAFT_ORDER,
    "Checkout": Resource.CHECKOUT,
    "AbandonedCheckout": Resource.CHECKOUT,
    "OrderTransaction": Resource.TRANSACTION,
}
_OF_ORDERS: Final = ("financial_status", "order_number", "total_price", "line_items", "customer")


class Delivery(NamedTuple):
    """What Amazon EventBridge puts around a webhook: its body, and its headers as `metadata`."""

    payload: Mapping[str, Any]
    metadata: Mapping[str, Any]


def delivery(document: Mapping[str, Any]) -> Delivery | None:
    """The webhook inside an EventBridge event, None when the document is none.

    See https://shopify.dev/docs/api/admin-graphql/latest/mutations/eventBridgeWebhookSubscriptionCreate.
    """
    detail = document.get("detail")
    if not isinstance(detail, Mapping) or not isinstance(payload := detail.get("payload"), Mapping):
        return None
    metadata = detail.get("metadata")
    return Delivery(payload, metadata if isinstance(metadata, Mapping) else {})


def read(document: Mapping[str, Any]) -> Body:
    """The body of a document; raises DefectiveEvent when it is none that this channel knows.

    A list response of the REST API (`{"orders": […]}`) with exactly one resource is that resource: nothing
    is ambiguous, and whoever polls pages of one publishes them so. With several it is several events in one
    record, which could be neither ordered nor answered for one by one: refused.
    """
    if "id" not in document and "line_items" not in document:
        if (delivered := delivery(document)) is not None:
            return read(delivered.payload)
        for name, resource in _SINGLE.items():
            if isinstance(fields := document.get(name), Mapping):
                return Body(resource, fields)
        for name, resource in _LIST.items():
            if isinstance(several := document.get(name), list):
                return Body(resource, _only(several, name, resource))
    return Body(_resource(document), document)


def _only(several: list[Any], name: str, resource: Resource) -> Mapping[str, Any]:
    if resource in (Resource.DRAFT_ORDER, Resource.CHECKOUT):
        # None of them becomes an order event, however many there are.
        return {}
    if len(several) == 1 and isinstance(several[0], Mapping):
        return several[0]
    raise _refused(name, f"a list of {len(several)} {name}; expected one event per record")


def _resource(document: Mapping[str, Any]) -> Resource:
    told = document.get("admin_graphql_api_id")
    if isinstance(told, str) and told.startswith("gid://shopify/"):
        resource = _GLOBAL_ID.get(told[14:].partition("/")[0])
        if resource is not None:
            return resource
    if "abandoned_checkout_url" in document:
        return Resource.CHECKOUT
    if "invoice_url" in document or "invoice_sent_at" in document:
        return Resource.DRAFT_ORDER
    if "refund_line_items" in document:
        return Resource.REFUND
    if "order_id" in document and "financial_status" not in document:
        if "tracking_number" in document or "tracking_numbers" in document or "shipment_status" in document:
            return Resource.FULFILLMENT
        if "kind" in document and "amount" in document:
            return Resource.TRANSACTION
        if "transactions" in document or "order_adjustments" in document:
            return Resource.REFUND
        if "line_items" in document and "status" in document:
            return Resource.FULFILLMENT
    for name in _OF_ORDERS:
        if name in document:
            return Resource.ORDER
    raise _refused("", "neither an order, a refund nor a fulfilment of Shopify; expected one of the three")


def _refused(path: str, message: str) -> DefectiveEvent:
    return DefectiveEvent([Defect("payload_shape", path, message)])
