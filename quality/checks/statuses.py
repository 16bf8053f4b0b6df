"""Whether an order's three statuses are known, and agree with each other and with what happened."""

from __future__ import annotations

from typing import Final

from quality.checks import HOUR, Broken, Limits, at, common_exponent, text
from schemas.types import CanonicalOrder

RULES: Final = frozenset(
    {
        "status_known",
        "payment_status_known",
        "completed_has_fulfilment",
        "cancelled_money_returned",
        "shipped_is_paid",
        "shipped_after_cancellation",
        "paid_has_payment",
    }
)

_DONE: Final = frozenset(
    {
        "FULFILLED",
        "PARTIALLY_DELIVERED",
        "DELIVERED",
        "PARTIALLY_RETURNED",
        "RETURNED",
        "NOT_REQUIRED",
        "UNKNOWN",  # the source does not tell, which contradicts nothing
    }
)
_SHIPPED: Final = frozenset({"FULFILLED", "PARTIALLY_FULFILLED", "PARTIALLY_DELIVERED", "DELIVERED"})
_NOT_PAID: Final = frozenset({"UNPAID", "FAILED", "VOIDED", "EXPIRED"})
_CALLED_OFF: Final = frozenset({"CANCELLED", "REJECTED", "EXPIRED"})
_PAID: Final = frozenset({"PARTIALLY_PAID", "PAID", "OVERPAID"})
_HANDED_OVER: Final = frozenset({"FULFILLED", "DELIVERED", "DELIVERY_FAILED"})


def check(order: CanonicalOrder, limits: Limits, broken: Broken) -> None:
    """The statuses alone, then across axes (invariants X1, X2, X3, X9)."""
    status, payment = order["order_status"], order["payment_status"]
    fulfilment = order["fulfilment_status"]
    if status == "UNKNOWN":
        broken("status_known", "order_status", "is UNKNOWN; the source's state has no canonical one")
    if payment == "UNKNOWN":
        broken("payment_status_known", "payment_status", "is UNKNOWN; the source's state has no canonical one")
    if status == "COMPLETED":
        if fulfilment not in _DONE:
            broken("completed_has_fulfilment", "order_status", f"is COMPLETED while fulfilment is {fulfilment}")
    elif status in _CALLED_OFF:
        _called_off(order, limits, broken)
    if fulfilment in _SHIPPED and payment in _NOT_PAID and not _pays_afterwards(order):
        broken("shipped_is_paid", "payment_status", f"is {payment} while fulfilment is {fulfilment}")
    if payment in _PAID and not order["payments"] and order["totals"]["total_original"]["amount_minor"]:
        broken("paid_has_payment", "payments", f"is empty while the order is {payment}")


def _pays_afterwards(order: CanonicalOrder) -> bool:
    """PAY_LATER alone does not tell: a provider pays at once what its buyer pays later."""
    return "pay_later" in order["flags"] or any(
        payment["method"] == "CASH_ON_DELIVERY" for payment in order["payments"]
    )


def _called_off(order: CanonicalOrder, limits: Limits, broken: Broken) -> None:
    cancelled_at = order["cancelled_at"]
    captured, refunded = order["totals"]["captured"], order["totals"]["refunded"]
    if captured is not None:
        exponent = common_exponent(captured, refunded)
        kept = at(captured, exponent) - at(refunded, exponent)
        since = order["source_updated_at"] if cancelled_at is None else cancelled_at
        if kept > 0 and order["ingested_at"] - since > limits.refund_grace:
            broken(
                "cancelled_money_returned",
                "totals.refunded",
                f"{text(kept, exponent)} {order['currency']} of a {order['order_status']} order is still "
                f"kept after {limits.refund_grace // HOUR} hours",
            )
    if cancelled_at is None or order["order_status"] != "CANCELLED":
        return
    for index, fulfilment in enumerate(order["fulfilments"]):
        created = fulfilment["created_at"]
        if created is not None and created > cancelled_at and fulfilment["status"] in _HANDED_OVER:
            broken(
                "shipped_after_cancellation",
                f"fulfilments[{index}].created_at",
                "goods were handed over after the order was cancelled",
            )
