"""Transactions, and what they or the financial status say of the money: authorised, captured, due."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, cast

from mappers.shopify import payload as shopify
from mappers.shopify.amounts import Amounts
from mappers.vocabulary import load
from schemas import money
from schemas.types import Payment, PaymentKind, PaymentMethod, PaymentState

_TABLES: Final = load("shopify").tables
_KIND: Final = _TABLES["transaction_kind"]
_STATE: Final = _TABLES["transaction_status"]
_GATEWAY: Final = _TABLES["gateway"]
_SETTLED: Final = {"FAILED": 1, "CANCELLED": 1, "SUCCEEDED": 2}


class Funds(NamedTuple):
    """Minor units; None where the source does not tell."""

    authorised: int | None
    captured: int | None
    net_due: int | None


def payments_of(
    transactions: Iterable[shopify.Transaction], amounts: Amounts, received_at: int
) -> list[Payment]:
    """Payments by transaction id, each once. Amounts are the shop's where the order tells its rate."""
    payments: dict[str, Payment] = {}
    for transaction in transactions:
        payments[transaction["id"]] = _payment(transaction, amounts, received_at)
    return list(payments.values())


def _payment(transaction: shopify.Transaction, amounts: Amounts, received_at: int) -> Payment:
    at = transaction.get("processed_at") or transaction.get("created_at")
    state = state_of(transaction)
    minor = amounts.in_shop_currency(transaction.get("amount"), transaction.get("currency"))
    return {
        "payment_id": transaction["id"],
        "method": _method(transaction),
        "gateway": transaction.get("gateway") or None,
        "kind": cast(PaymentKind, _KIND.meaning(transaction.get("kind")) or "UNKNOWN"),
        "status": state,
        "amount": amounts.of(minor)
        if minor is not None
        else money.money(transaction.get("amount") or 0, (transaction.get("currency") or "").upper()),
        "at": at,
        "updated_at": settled_at(received_at if at is None else at, state),
        "parent_payment_id": transaction.get("parent_id"),
        "external_ref": transaction.get("payment_id") or transaction.get("authorization") or None,
    }


def settled_at(at: int, state: str) -> int:
    """The instant, later by a microsecond or two once the money has failed or moved.

    A transaction keeps its times when it settles. They have a resolution of one second, so the microseconds
    are free to say which of two states is the newer one.
    """
    return at + _SETTLED.get(state, 0)


def state_of(transaction: shopify.Transaction) -> PaymentState:
    """What became of the transaction."""
    return cast(PaymentState, _STATE.meaning(transaction.get("status")) or "UNKNOWN")


def _method(transaction: shopify.Transaction) -> PaymentMethod:
    known = _GATEWAY.meaning(transaction.get("gateway") or None)
    if known is not None and known != "UNKNOWN":
        return cast(PaymentMethod, known)
    details = transaction.get("payment_details")
    if details is not None and details.get("credit_card_company"):
        return "CARD"
    return "OTHER" if transaction.get("gateway") else "UNKNOWN"


def funds_of(order: shopify.Order, total: int, current: int, amounts: Amounts) -> Funds:
    """What is authorised and still open, what was captured, and what is still due.

    Webhook bodies have no transactions. Then Shopify's own definition of the financial status tells, and no
    further than it goes: `paid` is a payment captured in full, `partially_refunded` and `refunded` presuppose
    one, `authorized` is an authorisation of the total not yet captured, `voided` one given up, `pending` and
    `expired` are nothing captured, and `partially_paid` is whatever `total_outstanding` leaves of the total
    (https://shopify.dev/docs/api/admin-graphql/latest/enums/OrderDisplayFinancialStatus). A status that
    Shopify does not define tells nothing.
    """
    told, transactions = order.get("total_outstanding"), order.get("transactions")
    outstanding = amounts.minor[told] if told else None
    moved = _moved(transactions, amounts) if transactions else None
    status = (order.get("financial_status") or "").lower()
    if moved is not None:
        authorised, captured = moved
    elif status in ("paid", "partially_refunded", "refunded"):
        authorised, captured = 0, total
    elif status == "authorized":
        authorised, captured = total, 0
    elif status in ("pending", "unpaid", "voided", "expired"):
        authorised, captured = 0, 0
    elif status == "partially_paid" and outstanding is not None:
        authorised, captured = 0, max(current - outstanding, 0)
    else:
        return Funds(None, None, outstanding)
    if outstanding is None and status not in ("voided", "expired"):
        outstanding = max(current - captured, 0)
    return Funds(authorised, captured, outstanding)


def _moved(transactions: Sequence[shopify.Transaction], amounts: Amounts) -> tuple[int, int] | None:
    """(authorised and open, captured) of the successful ones; None when a currency cannot be converted."""
    authorised = captured = 0
    for transaction in transactions:
        if state_of(transaction) != "SUCCEEDED":
            continue
        amount = amounts.in_shop_currency(transaction.get("amount"), transaction.get("currency"))
        if amount is None:
            return None
        kind = (transaction.get("kind") or "").lower()
        if kind in ("authorization", "emv_authorization"):
            authorised += amount
        elif kind == "capture":
            authorised -= amount
            captured += amount
        elif kind == "sale":
            captured += amount
        elif kind == "change":
            captured -= amount
        elif kind == "void":
            authorised -= amount
    return max(authorised, 0), max(captured, 0)
