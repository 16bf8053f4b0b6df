"""Transactions: each movement of money at a gateway."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, cast

from mappers.shopify import payload as shopify
from mappers.shopify.amounts import Amounts
from mappers.vocabulary import load
from schemas import money
from schemas.types import Payment, PaymentKind, PaymentMethod, PaymentState

_TABLES: Final = load("shopify").tables
_KIND: Final = _TABLES["transaction_kind"]
_STATE: Final = _TABLES["transaction_status"]
_GATEWAY: Final = _TABLES["gateway"]
_SETTLED: Final[Mapping[PaymentState, int]] = {"FAILED": 1, "CANCELLED": 1, "SUCCEEDED": 2}


def payments_of(transactions: Iterable[shopify.Transaction], amounts: Amounts, otherwise_at: int) -> list[Payment]:
    """Payments by transaction id, each once; `otherwise_at` is the instant of one that has none itself.

    Amounts are the shop's where the order tells its rate.
    """
    payments: dict[str, Payment] = {}
    for transaction in transactions:
        payments[transaction["id"]] = _payment(transaction, amounts, otherwise_at)
    return list(payments.values())


def _payment(transaction: shopify.Transaction, amounts: Amounts, otherwise_at: int) -> Payment:
    at = transaction.get("processed_at") or transaction.get("created_at")
    state = state_of(transaction)
    minor = amounts.in_shop_currency(amount_of(transaction))
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
        "updated_at": settled_at(otherwise_at if at is None else at, [state]),
        "parent_payment_id": transaction.get("parent_id") or None,
        "external_ref": transaction.get("payment_id") or transaction.get("authorization") or None,
    }


def settled_at(at: int, states: Iterable[PaymentState]) -> int:
    """The instant, later by some microseconds for each transaction of these that has failed or moved money.

    A transaction keeps its times when it settles. They have a resolution of one second, so the microseconds
    are free to say which of two accounts is the newer one. The odd ones are an order's: see told_alone.
    """
    return at + 1 + 2 * sum([_SETTLED.get(state, 0) for state in states])


def told_alone(updated_at: int) -> int:
    """The same instant, a microsecond older: of what a refund tells without its order.

    The order tells the shop's currency, its own rate and what was shipped, so its account is the better one
    of two that are equally old.
    """
    return updated_at - 1


def amount_of(transaction: shopify.Transaction) -> tuple[str | None, str | None]:
    """The transaction's amount and currency, as told."""
    return transaction.get("amount"), transaction.get("currency")


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
