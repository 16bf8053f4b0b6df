"""From a Shopify order to the canonical order: the parts put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from mappers.candidate import Defect, DefectiveEvent, EventContext
from mappers.shopify import payload as shopify
from mappers.shopify.amounts import (
    Amounts,
    FinerAmountError,
    amounts_of,
    coarsened,
    converted_amounts_of,
    rate_of,
)
from mappers.shopify.cancelled_units import edited, shipped_before, take_out
from mappers.shopify.fulfilments import fulfilment_of
from mappers.shopify.lines import Discounts, positions_of, shipping_of, taxes_of
from mappers.shopify.parties import address_of, consents_of, contact_of, customer_of
from mappers.shopify.payments import payments_of
from mappers.shopify.refunds import RefundError, adjustments_of
from mappers.shopify.statuses import map_statuses, source_statuses
from mappers.shopify.totals import totals_of
from mappers.vocabulary import load
from schemas import identifiers, money
from schemas.types import (
    Adjustment,
    Alias,
    CanonicalOrder,
    Fulfilment,
    FulfilmentStatus,
    OrderStatus,
    OriginChannel,
    PaymentStatus,
)

MAPPER_VERSION: Final = "shopify/1.1.0"
SCHEMA_VERSION: Final = "1"
SOURCE: Final = "shopify"

_ORIGIN: Final = load("shopify").tables["source_name"]
_PAID_AT_THE_DOOR: Final = frozenset(
    gateway for gateway, method in load("shopify").tables["gateway"].words.items() if method == "CASH_ON_DELIVERY"
)
"""Not the gateways by which the buyer pays a provider later: the provider pays the shop at once."""
_ALIASES: Final = (
    "order_number",
    "confirmation_number",
    "po_number",
    "reference",
    "source_identifier",
    "checkout_id",
)


def map_order(order: shopify.Order, context: EventContext) -> CanonicalOrder:
    """The canonical order, statuses as the vocabulary says, not yet derived; raises DefectiveEvent."""
    currency = order["currency"].upper()
    # processed_at is when the purchase was made, also where the order was imported later than that
    # (https://shopify.dev/docs/api/admin-rest/latest/resources/order).
    placed_at = order.get("processed_at")
    if placed_at is None:
        placed_at = order.get("created_at")
    if placed_at is None or not money.is_currency(currency):
        raise DefectiveEvent(business_defects(order))
    exponent = usual = money.exponent(currency)
    while True:
        try:
            mapped = _map(order, context, placed_at, currency, exponent)
        except FinerAmountError as finer:
            exponent = finer.exponent
        except ValueError as error:
            raise DefectiveEvent([Defect("payload_shape", "", str(error))]) from None
        else:
            return mapped if exponent == usual else coarsened(mapped, usual)


def _map(order: shopify.Order, context: EventContext, placed_at: int, currency: str, exponent: int) -> CanonicalOrder:
    updated_at = order.get("updated_at")
    if updated_at is None:
        updated_at = context.received_at
    shown = order.get("presentment_currency")
    amounts = amounts_of(currency, exponent)
    if shown and shown != currency:
        rate = rate_of([order.get("total_price_set")], currency)
        amounts = converted_amounts_of(currency, exponent, rate)
    order_id = identifiers.order_id(SOURCE, context.source_account, order["id"])

    discounts = Discounts(order.get("discount_applications"), amounts)
    positions = positions_of(order, order_id, discounts, amounts)
    shipping_lines, shipping = shipping_of(order, discounts, amounts)
    tax_lines, _ = taxes_of(order.get("tax_lines"), amounts)
    fulfilments = [fulfilment_of(part, order_id, updated_at) for part in order.get("fulfillments") or ()]
    adjustments = _adjustments(order, order_id, amounts, updated_at, fulfilments)
    if order.get("refunds") or edited(order):
        take_out(positions.lines, order, fulfilments, adjustments)
    transactions = [*(order.get("transactions") or ())]
    for refund in order.get("refunds") or ():
        transactions.extend(refund.get("transactions") or ())

    origin, contact = _origin(order), contact_of(order)
    source_status = source_statuses(order)
    statuses = map_statuses(source_status)
    return {
        "order_id": order_id,
        "source": SOURCE,
        "source_account": context.source_account,
        "source_order_id": order["id"],
        "source_order_number": order.get("name") or order.get("order_number") or None,
        "aliases": _aliases(order),
        "checkout_id": order.get("checkout_token") or order.get("cart_token") or None,
        "origin_channel": origin,
        "sub_channel": order.get("source_name") or None,
        "location_ref": order.get("location_id") or None,
        "schema_version": SCHEMA_VERSION,
        "mapper_version": MAPPER_VERSION,
        "ruleset_version": "",
        "source_version": None,
        "source_updated_at": updated_at,
        "occurred_at": updated_at,
        "ingested_at": context.received_at,
        "canonical_version": 0,
        "content_hash": "",
        "order_status": cast(OrderStatus, statuses.order),
        "payment_status": cast(PaymentStatus, statuses.payment),
        "fulfilment_status": cast(FulfilmentStatus, statuses.fulfilment),
        "source_status": source_status,
        "status_basis": "MAPPED",
        "hold_reason": None,
        "hold_reason_text": None,
        "cancel_reason": (order.get("cancel_reason") or "").lower() or None,
        "cancel_reason_text": None,
        "flags": _flags(order),
        "placed_at": placed_at,
        "placed_at_basis": "SOURCE",
        "confirmed_at": None,
        "completed_at": None,
        "cancelled_at": order.get("cancelled_at"),
        "closed_at": order.get("closed_at"),
        "customer": customer_of(order, origin, contact),
        "contact": contact,
        "consents": consents_of(order, placed_at),
        "billing_address": address_of(order.get("billing_address")),
        "shipping_address": address_of(order.get("shipping_address")),
        "currency": currency,
        "presentment_currency": shown or None,
        "fx_rate": None if amounts.rate is None else amounts.rate.text(),
        "totals": totals_of(order, positions, shipping, adjustments, amounts),
        "prices_include_tax": order.get("taxes_included") is True,
        "tax_lines": tax_lines,
        "discounts": discounts.of_order(order.get("discount_codes")),
        "shipping_lines": shipping_lines,
        "lines": positions.lines,
        "payments": payments_of(transactions, amounts, updated_at) if transactions else [],
        "fulfilments": fulfilments,
        "adjustments": adjustments,
        "promises": [],
        "attribution": _attribution(order),
        "locale": order.get("customer_locale") or None,
        "note": order.get("note") or None,
        "quality": {"score": 100, "findings": [], "disposition": "PASS"},
        "lineage": {
            "raw_topic": "",
            "raw_partition": -1,
            "raw_offset": -1,
            "raw_event_id": context.event_id,
            "raw_hash": "",
            "mapper_run_id": "",
        },
    }


def business_defects(fields: Mapping[str, Any]) -> list[Defect]:
    """What an order cannot do without although its shape allows it: a known currency and a time."""
    found = []
    currency = fields.get("currency")
    if isinstance(currency, str) and not money.is_currency(currency.upper()):
        found.append(unknown_currency("currency"))
    if not fields.get("created_at") and not fields.get("processed_at"):
        found.append(Defect("placed_at_present", "created_at", "created_at is missing"))
    return found


def unknown_currency(path: str) -> Defect:
    """The defect of an amount whose currency is missing or unknown."""
    return Defect("currency_iso4217", path, f"{path} is no ISO 4217 code with minor units, such as EUR")


def _adjustments(
    order: shopify.Order,
    order_id: str,
    amounts: Amounts,
    otherwise_at: int,
    fulfilments: Sequence[Fulfilment],
) -> list[Adjustment]:
    adjustments: list[Adjustment] = []
    for index, refund in enumerate(order.get("refunds") or ()):
        shipped = shipped_before(refund.get("created_at"), fulfilments)
        try:
            adjustments += adjustments_of(refund, order_id, amounts, otherwise_at, shipped)
        except RefundError as error:
            raise DefectiveEvent([error.defect(f"refunds[{index}].")]) from None
    return adjustments


def _aliases(order: shopify.Order) -> list[Alias]:
    # Not `token`: whoever has it can open the order's status page.
    return [{"kind": kind, "value": str(value)} for kind in _ALIASES if (value := order.get(kind))]


def _origin(order: shopify.Order) -> OriginChannel:
    return cast(OriginChannel, _ORIGIN.meaning(order.get("source_name") or None) or "UNKNOWN")


def _flags(order: shopify.Order) -> list[str]:
    flags = []
    for tax in order.get("tax_lines") or ():
        if tax.get("channel_liable"):
            flags.append("marketplace_tax")
            break
    if order.get("payment_terms") or not _PAID_AT_THE_DOOR.isdisjoint(
        [name.lower() for name in order.get("payment_gateway_names") or ()]
    ):
        flags.append("pay_later")
    if order.get("test"):
        flags.append("test")
    return flags


def _attribution(order: shopify.Order) -> dict[str, str]:
    attribution: dict[str, str] = {}
    if app := order.get("app_id"):
        attribution["app_id"] = app
    # A query may carry personal data of any kind, so pages are kept without it.
    if landing := order.get("landing_site"):
        attribution["landing_page"] = landing.partition("?")[0]
    if ref := order.get("landing_site_ref"):
        attribution["landing_ref"] = ref
    if referring := order.get("referring_site"):
        attribution["referrer"] = referring.partition("?")[0]
    return attribution
