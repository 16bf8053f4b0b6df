"""What moved for an order: payments, parcels, refunds, and the sums over them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeAlias

from mappers.web import order_payload as web
from schemas import identifiers, money
from schemas.payments import authorised_of, captured_of
from schemas.types import Adjustment, Fulfilment, ItemQuantity, Money, Payment, Totals

Amounts: TypeAlias = Callable[[str], Money]
"""Reads a decimal string in the order's currency."""


@cache  # currencies are those of ISO 4217
def reader(currency: str) -> Amounts:
    """Reads amounts whose form the payload model has checked: `schemas.money.money`, but faster."""
    known = _Known(currency)

    def read(text: str) -> Money:
        return known[text].copy()

    return read


class _Known(dict[str, Money]):
    """Amounts by text: prices recur, and every snapshot repeats the amounts of those before it."""

    _MOST: Final = 8192

    def __init__(self, currency: str) -> None:
        super().__init__()
        self._currency = currency
        self._decimals = money.exponent(currency)

    def __missing__(self, text: str) -> Money:
        minor, exponent = _scaled(text, self._decimals)
        if len(self) >= self._MOST:
            self.clear()
        amount: Money = {"amount_minor": minor, "currency": self._currency, "exponent": exponent}
        self[text] = amount
        return amount


def _scaled(text: str, decimals: int) -> tuple[int, int]:
    """(minor units, exponent) of a plain decimal without a sign, with no more decimals than needed."""
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    exponent = max(decimals, len(fraction))
    return int(whole + fraction.ljust(exponent, "0")), exponent


def canonical_word(word: str) -> Any:
    """A closed word of this contract is the canonical one in small letters (tests compare the lists)."""
    return word.upper()


def map_payment(payment: web.Payment, amounts: Amounts) -> Payment:
    """One movement of money towards the shop."""
    return {
        "payment_id": payment["payment_id"],
        "method": canonical_word(payment["method"]),
        "gateway": payment.get("gateway") or None,
        "kind": canonical_word(payment["kind"]),
        "status": canonical_word(payment["status"]),
        "amount": amounts(payment["amount"]),
        "at": payment["at"],
        "updated_at": payment.get("updated_at") or payment["at"],
        "parent_payment_id": payment.get("parent_payment_id"),
        "external_ref": payment.get("reference") or None,
    }


def map_fulfilment(part: web.Fulfilment, order_id: str) -> Fulfilment:
    """One parcel, pick-up or download."""
    promised = part.get("promised")
    return {
        "fulfilment_id": part["fulfilment_id"],
        "type": canonical_word(part.get("type") or "ship"),
        "status": canonical_word(part["status"]),
        "source_status": part["status"],
        "carrier": part.get("carrier") or None,
        "tracking": [
            {"number": entry.get("number") or None, "url": entry.get("url") or None}
            for entry in part.get("tracking") or ()
        ],
        "location_ref": part.get("location_id") or None,
        "items": [_item(item, order_id) for item in part["items"]],
        "promise": None
        if promised is None
        else {"earliest": promised.get("earliest"), "latest": promised.get("latest")},
        "events": [
            {"type": event["type"], "at": event["at"], "detail": event.get("detail") or None}
            for event in part.get("events") or ()
        ],
        "created_at": part["created_at"],
        "updated_at": part["updated_at"],
    }


def _item(item: web.FulfilledItem, order_id: str) -> ItemQuantity:
    return {
        "line_id": identifiers.line_id(order_id, item["line_id"]),
        "source_line_id": item["line_id"],
        "quantity": item["quantity"],
    }


def map_refund(refund: web.Refund, order_id: str, amounts: Amounts) -> Adjustment:
    """Money or goods going back."""
    return {
        "adjustment_id": refund["refund_id"],
        "kind": canonical_word(refund.get("kind") or "refund"),
        "status": canonical_word(refund["status"]),
        "reason": refund.get("reason") or None,
        "lines": [
            {
                "line_id": identifiers.line_id(order_id, line["line_id"]),
                "source_line_id": line["line_id"],
                "quantity": line.get("quantity") or 0,
                "returned": line.get("returned") or False,
                "amount": amounts(line["amount"]),
            }
            for line in refund.get("lines") or ()
        ],
        "amount": amounts(refund["amount"]),
        "at": refund["at"],
        "updated_at": refund.get("updated_at") or refund["at"],
    }


def map_totals(order: web.Order, payments: list[Payment], adjustments: list[Adjustment], amounts: Amounts) -> Totals:
    """The sums as sent, and those over payments and refunds. Gift cards are payments: `gift_card` is 0."""
    sent = order["totals"]
    currency = order["currency"]
    total = amounts(sent["total"])
    current = amounts(sent.get("current_total") or sent["total"])
    captured = captured_of(payments, currency)
    refunded = money.total_of(
        [entry["amount"] for entry in adjustments if entry["status"] == "COMPLETED"],
        currency,
    )
    return {
        "items_gross": amounts(sent["items"]),
        "discount": amounts(sent.get("discount") or "0"),
        "shipping": amounts(sent.get("shipping") or "0"),
        "tax": amounts(sent.get("tax") or "0"),
        "fees": amounts(sent.get("fees") or "0"),
        "tip": amounts(sent.get("tip") or "0"),
        "gift_card": money.zero(currency),
        "total_original": total,
        "total_current": current,
        "authorised": authorised_of(payments, currency),
        "captured": captured,
        "refunded": refunded,
        "net_due": money.zero(currency) if order.get("cancelled_at") else money.less(current, captured),
    }
