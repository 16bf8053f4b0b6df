"""From a decoded body to what it means: an order as it is now, a part of one, or nothing of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from mappers.candidate import (
    Clock,
    Defect,
    DefectiveEvent,
    EventContext,
    Ignored,
    Mapped,
    PartialChange,
    Snapshot,
)
from mappers.shopify import bodies, unknown_fields
from mappers.shopify import payload as shopify
from mappers.shopify.amounts import (
    Amounts,
    FinerAmountError,
    Rate,
    coarsened,
    converted_amounts_of,
    decimals_of,
    rate_of,
)
from mappers.shopify.bodies import Resource
from mappers.shopify.canonical_order import SOURCE, business_defects, map_order, unknown_currency
from mappers.shopify.defects import defects
from mappers.shopify.fulfilments import fulfilment_of
from mappers.shopify.payments import payments_of, told_alone
from mappers.shopify.refund_currency import currency_of, pairs_of
from mappers.shopify.refunds import RefundError, adjustments_of
from schemas import identifiers, money
from schemas.types import Adjustment, Payment

_GLOBAL: Final = "gid://shopify/"

_Resource = TypeVar("_Resource")
_Part = TypeVar("_Part", Adjustment, Payment)


def map_event(document: Mapping[str, Any], context: EventContext) -> Mapped:
    """The order, refund, fulfilment or transaction in the document; raises DefectiveEvent with every defect found.

    Drafts and abandoned checkouts are no orders yet, and what follows of an edit, of routing or of a deletion
    is the order's to tell: Ignored. A test order is mapped like any other and flagged `test`; whether it counts
    is a rule's to say.
    """
    if context.event_kind == "orders/delete":
        # Its body is an id. Shopify deletes what is cancelled or archived, which has been told.
        return Ignored("order_deleted", "deleted in the shop's administration; what was sold stays in the books")
    body = bodies.read(document)
    topic = (context.event_kind or body.resource).partition("/")[0]
    if context.event_kind == "orders/edited":
        topic = Resource.ORDER_EDIT
    if topic != body.resource:
        message = f"the topic says {topic}, but the body is one of {body.resource}; which one is meant?"
        raise DefectiveEvent([Defect("payload_shape", "", message)])
    return _MAP[body.resource](body.fields, context)


def _order(fields: Mapping[str, Any], context: EventContext) -> Snapshot:
    order = _validated(shopify.ORDER, fields)
    mapped = map_order(order, context)
    return Snapshot(
        order=mapped,
        clock=Clock(sequence=0, updated_at=mapped["source_updated_at"]),
        session_ref=mapped["checkout_id"],
        unknown_fields=unknown_fields.count("orders", fields),
    )


def _dated(change: PartialChange, told: shopify.Refund | shopify.Transaction) -> int:
    """When the money moved; `change` gets that instant in place of its event's own, where it is told."""
    at = told.get("processed_at")
    if at is None:
        at = told.get("created_at")
    if at is not None:
        change.occurred_at = at
    return change.occurred_at


def _refund(fields: Mapping[str, Any], context: EventContext) -> PartialChange:
    refund = _validated(shopify.REFUND, fields)
    change = _change(refund.get("order_id"), context, unknown_fields.count("refunds", fields))
    at = _dated(change, refund)
    currency = currency_of(refund)
    rate = rate_of(pairs_of(refund), currency)
    change.adjustments = _exactly(currency, rate, lambda amounts: adjustments_of(refund, change.order_id, amounts, at))
    change.payments = _exactly(
        currency, rate, lambda amounts: payments_of(refund.get("transactions") or (), amounts, at)
    )
    return _told_alone(change)


def _transaction(fields: Mapping[str, Any], context: EventContext) -> PartialChange | Ignored:
    """A movement of money by itself, in its own currency: its order may tell later what that is in the shop's."""
    transaction = _validated(shopify.TRANSACTION, fields)
    if transaction.get("test"):
        return Ignored("test_transaction", "a payment of a test order")
    change = _change(transaction.get("order_id"), context, unknown_fields.count("transactions", fields))
    at = _dated(change, transaction)
    currency = (transaction.get("currency") or "").upper()
    if not money.is_currency(currency):
        raise DefectiveEvent([unknown_currency("currency")])
    change.payments = _exactly(currency, None, lambda amounts: payments_of([transaction], amounts, at))
    return _told_alone(change)


def _exactly(currency: str, rate: Rate | None, read: Callable[[Amounts], list[_Part]]) -> list[_Part]:
    """What `read` makes of amounts with the currency's decimals, or with more where an amount has more."""
    exponent = usual = decimals_of(currency)
    while True:
        try:
            parts = read(converted_amounts_of(currency, exponent, rate))
        except FinerAmountError as finer:
            exponent = finer.exponent
        except RefundError as error:
            raise DefectiveEvent([error.defect("")]) from None
        except ValueError as error:
            raise DefectiveEvent([Defect("payload_shape", "", str(error))]) from None
        else:
            return parts if exponent == usual else coarsened(parts, usual)


def _told_alone(change: PartialChange) -> PartialChange:
    for adjustment in change.adjustments:
        adjustment["updated_at"] = told_alone(adjustment["updated_at"])
    for payment in change.payments:
        payment["updated_at"] = told_alone(payment["updated_at"])
    return change


def _fulfillment(fields: Mapping[str, Any], context: EventContext) -> PartialChange:
    fulfillment = _validated(shopify.FULFILLMENT, fields)
    change = _change(fulfillment.get("order_id"), context, unknown_fields.count("fulfillments", fields))
    mapped = fulfilment_of(fulfillment, change.order_id, context.received_at)
    change.occurred_at = mapped["updated_at"]
    change.fulfilments = [mapped]
    return change


def _change(native: str | None, context: EventContext, unknown: int) -> PartialChange:
    if native is None:
        raise DefectiveEvent([Defect("source_order_id_present", "order_id", "order_id is missing")])
    return PartialChange(
        order_id=identifiers.order_id(SOURCE, context.source_account, native),
        source=SOURCE,
        source_account=context.source_account,
        source_order_id=native,
        occurred_at=context.received_at,
        unknown_fields=unknown,
    )


def _draft_order(_: Mapping[str, Any], __: EventContext) -> Ignored:
    return Ignored("draft_order", "a draft order; once completed, Shopify sends the order itself")


def _checkout(_: Mapping[str, Any], __: EventContext) -> Ignored:
    return Ignored("abandoned_checkout", "a checkout; once completed, Shopify sends the order itself")


def _order_edit(_: Mapping[str, Any], __: EventContext) -> Ignored:
    return Ignored("order_edit", "the differences of an edit; Shopify sends the edited order itself")


def _fulfillment_order(_: Mapping[str, Any], __: EventContext) -> Ignored:
    return Ignored("fulfillment_order", "the shop's routing of what is to be shipped; the order tells what was")


_MAP: Final[Mapping[Resource, Callable[[Mapping[str, Any], EventContext], Mapped]]] = {
    Resource.ORDER: _order,
    Resource.REFUND: _refund,
    Resource.FULFILLMENT: _fulfillment,
    Resource.DRAFT_ORDER: _draft_order,
    Resource.CHECKOUT: _checkout,
    Resource.TRANSACTION: _transaction,
    Resource.ORDER_EDIT: _order_edit,
    Resource.FULFILLMENT_ORDER: _fulfillment_order,
}


def _validated(model: TypeAdapter[_Resource], fields: Mapping[str, Any]) -> _Resource:
    try:
        # The adapter's own method only adds a call around this one.
        return cast(_Resource, model.validator.validate_python(fields))
    except ValidationError as error:
        plain = _with_plain_ids(fields)
        if plain != fields:
            return _validated(model, plain)
        found = defects(error)
        if model is shopify.ORDER:
            found += business_defects(fields)
        raise DefectiveEvent(found) from None


def _with_plain_ids(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The same body with the numbers of global ids (`gid://shopify/Order/1`) in the place of ids.

    Connectors that read with GraphQL and publish in REST's shape leave them so; both name the same resource.
    """
    plain: dict[str, Any] = {name: _plain(name, value) for name, value in fields.items()}
    if plain.get("id") is None and isinstance(told := plain.get("admin_graphql_api_id"), str):
        plain["id"] = _number(told)
    return plain


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {inner: _plain(inner, child) for inner, child in value.items()}
    if isinstance(value, list):
        return [_plain(name, child) for child in value]
    is_id = name == "id" or (name.endswith("_id") and name != "admin_graphql_api_id")
    return _number(value) if is_id else value


def _number(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_GLOBAL):
        return value.rpartition("/")[2].partition("?")[0]
    return value
