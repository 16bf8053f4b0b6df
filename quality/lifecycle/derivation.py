"""An order's statuses from its own amounts and quantities: what a source displays is evidence, not truth.

The result depends on nothing but the order's content and its mapped statuses, and deriving twice changes
nothing: so an order ends in the same state whatever arrived first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from quality.lifecycle.checker import Statuses
from quality.lifecycle.quantities import Progress, count, moves
from quality.lifecycle.tables import canonical
from schemas.payments import authorised_of, captured_of
from schemas.types import Adjustment, CanonicalOrder, Money, StatusBasis, Totals

MONEY_KINDS: Final = frozenset({"REFUND", "RETURN", "CREDIT", "EXCHANGE", "PRICE_ADJUSTMENT", "DISPUTE"})
"""Adjustments whose amount, where there is one, is money or credit that goes back to the buyer."""

_KEPT_ORDER: Final = frozenset({"CANCELLED", "CLOSED", "PENDING", "ON_HOLD", "REJECTED", "EXPIRED"})
"""Decisions of the seller, of which amounts and quantities tell nothing."""

_NOTHING_CAPTURED: Final = frozenset({"UNPAID", "PENDING", "VOIDED", "FAILED", "EXPIRED", "EXTERNALLY_SETTLED"})
"""Mapped payment states that an order without captured money does not contradict."""

_BEFORE_HAND_OVER: Final = frozenset(
    {
        "UNFULFILLED",
        "SCHEDULED",
        "ON_HOLD",
        "BACKORDERED",
        "IN_PROGRESS",
        "READY",
        "NOT_REQUIRED",
        "CANCELLED",
    }
)

_ORDER_OF_FULFILMENT: Final = {
    "UNKNOWN": "UNKNOWN",
    "IN_PROGRESS": "PROCESSING",
    "READY": "PROCESSING",
    "PARTIALLY_FULFILLED": "PROCESSING",
    "PARTIALLY_DELIVERED": "PROCESSING",
    "DELIVERY_FAILED": "PROCESSING",
    "FULFILLED": "COMPLETED",
    "DELIVERED": "COMPLETED",
    "PARTIALLY_RETURNED": "COMPLETED",
    "RETURNED": "COMPLETED",
}
"""The order state a fulfilment state implies; every other one implies CONFIRMED."""

_ORDER_RANK: Final = {**canonical().order.ranks, "UNKNOWN": -1}
_BASIS: Final[tuple[StatusBasis, ...]] = ("MAPPED", "MIXED", "DERIVED")


class SourceStatuses(Statuses, Protocol):
    """What a source says of an order, in canonical words."""

    @property
    def unshipped_open(self) -> bool:
        """Whether lines that are not shipped have yet to be fulfilled."""

    @property
    def payments_complete(self) -> bool:
        """Whether the order's payments are all there are."""


def derive(order: CanonicalOrder, mapped: SourceStatuses) -> CanonicalOrder:
    """The order with line quantities, refunded and due money, and the three statuses derived.

    `mapped` are the statuses its source's vocabulary gives. The argument is not changed; parts that stay as
    they are are shared with the result.
    """
    moved = moves(order["fulfilments"], order["adjustments"])
    progress = count(order["lines"], moved, unshipped_open=mapped.unshipped_open)
    told = bool(progress.counting) and (moved.listed or progress.any_returned)
    totals = _totals(order, mapped)
    payment, by_amounts = _payment_status(totals, mapped.payment)
    fulfilment = (
        _fulfilment_told(progress, moved.states, mapped.fulfilment)
        if told
        else _fulfilment_untold(order, progress, mapped.fulfilment)
    )
    derived: Any = order.copy()  # the three axes are text here, words of their tables
    derived["lines"] = progress.lines
    derived["totals"] = totals
    derived["order_status"] = _order_status(progress, fulfilment, mapped.order, counted=told)
    derived["payment_status"] = payment
    derived["fulfilment_status"] = fulfilment
    derived["status_basis"] = _BASIS[by_amounts + told]
    if told or moved.listed:
        complete = told and not progress.open and fulfilment != "DELIVERY_FAILED"
        derived["completed_at"] = moved.last_handed_over if complete else None
    result: CanonicalOrder = derived
    return result


# Money


def _totals(order: CanonicalOrder, mapped: SourceStatuses) -> Totals:
    """The totals with `refunded` and `net_due` worked out, from complete payments `captured` and `authorised`, too.

    Due is what was agreed and is not captured. A refund never makes money due again: some sources lower the
    current total by it, others do not.
    """
    totals, payments, currency = order["totals"], order["payments"], order["currency"]
    current, captured, authorised = totals["total_current"], totals["captured"], totals["authorised"]
    if mapped.payments_complete:
        captured, authorised = captured_of(payments, currency), authorised_of(payments, currency)
    refunded = _refunded(order["adjustments"], order["currency"], current["exponent"])
    due = totals["net_due"]
    if captured is not None:
        exponent = max(current["exponent"], captured["exponent"])
        open_minor = _at(current, exponent) - _at(captured, exponent)
        if open_minor < 0 or mapped.order in ("CANCELLED", "REJECTED", "EXPIRED"):
            open_minor = 0
        due = {"amount_minor": open_minor, "currency": currency, "exponent": exponent}
    worked_out: Totals = {
        **totals, "authorised": authorised, "captured": captured, "refunded": refunded, "net_due": due,
    }  # fmt: skip
    return totals if worked_out == totals else worked_out


def _refunded(adjustments: Sequence[Adjustment], currency: str, exponent: int) -> Money:
    total = 0
    for adjustment in adjustments:
        amount = adjustment["amount"]
        if adjustment["status"] == "COMPLETED" and adjustment["kind"] in MONEY_KINDS and amount["currency"] == currency:
            if amount["exponent"] > exponent:
                total *= 10 ** (amount["exponent"] - exponent)
                exponent = amount["exponent"]
            total += _at(amount, exponent)
    return {"amount_minor": total, "currency": currency, "exponent": exponent}


def _at(amount: Money, exponent: int) -> int:
    own = amount["exponent"]
    return amount["amount_minor"] if own == exponent else amount["amount_minor"] * 10 ** (exponent - own)


def _payment_status(totals: Totals, mapped: str) -> tuple[str, bool]:
    """The payment state and whether amounts decided it.

    With T the current total, A the money still authorised, C captured, R refunded: R > 0 is partially
    refunded while C - R is left; else C against T decides; else A against T; else nothing was paid.
    """
    captured, refunded = totals["captured"], totals["refunded"]
    if captured is None:
        return _payment_status_uncaptured(totals, mapped)
    authorised, total = totals["authorised"], totals["total_current"]
    exponent = max(total["exponent"], captured["exponent"], refunded["exponent"])
    paid = _at(captured, exponent)
    back = _at(refunded, exponent)
    due = _at(total, exponent)
    if back > paid:
        return _payment_status_uncaptured(totals, mapped)  # what was captured is out of date
    if back > 0:
        return ("PARTIALLY_REFUNDED" if paid > back else "REFUNDED"), True
    if mapped in ("REFUNDED", "PARTIALLY_REFUNDED"):
        return mapped, False  # a refund whose document has not been seen; its absence proves nothing
    if paid > 0:
        return ("PARTIALLY_PAID" if paid < due else "PAID" if paid == due else "OVERPAID"), True
    if authorised is not None and authorised["amount_minor"] > 0:
        short = authorised["amount_minor"] * 10**exponent < due * 10 ** authorised["exponent"]
        return ("PARTIALLY_AUTHORIZED" if short else "AUTHORIZED"), True
    if due == 0 and mapped in ("UNKNOWN", "UNPAID", "PENDING", "AUTHORIZED", "PAID"):
        return "PAID", True
    if mapped in _NOTHING_CAPTURED:
        return mapped, False
    if mapped in ("AUTHORIZED", "PARTIALLY_AUTHORIZED"):
        return (mapped, False) if authorised is None else ("VOIDED", True)
    return "UNPAID", True


def _payment_status_uncaptured(totals: Totals, mapped: str) -> tuple[str, bool]:
    """The payment state where the source does not tell what was captured: its word stands but for refunds."""
    refunded, agreed = totals["refunded"], totals["total_original"]
    if refunded["amount_minor"] <= 0 or mapped == "REFUNDED":
        return mapped, False
    exponent = max(refunded["exponent"], agreed["exponent"])
    return ("REFUNDED" if _at(refunded, exponent) >= _at(agreed, exponent) else "PARTIALLY_REFUNDED"), True


# Goods


def _fulfilment_told(progress: Progress, states: set[str], mapped: str) -> str:
    """The fold over the lines that count, where fulfilments list what is in them.

    What is still to be handed over comes before what came back: after an exchange there is work to do.
    """
    if progress.any_returned:
        if progress.open and progress.any_handed_over:
            return "PARTIALLY_FULFILLED"
        return "RETURNED" if progress.returned == progress.counting else "PARTIALLY_RETURNED"
    if progress.any_delivered:
        return "DELIVERED" if progress.delivered == progress.counting else "PARTIALLY_DELIVERED"
    if progress.any_handed_over:
        if progress.open:
            return "PARTIALLY_FULFILLED"
        return "DELIVERY_FAILED" if "DELIVERY_FAILED" in states else "FULFILLED"
    if "READY" in states:
        return "READY"
    if "IN_PROGRESS" in states:
        return "IN_PROGRESS"
    return mapped if mapped in _BEFORE_HAND_OVER else "UNFULFILLED"


def _fulfilment_untold(order: CanonicalOrder, progress: Progress, mapped: str) -> str:
    """The source's word; where it has none, what follows from there being nothing to ship."""
    if not order["lines"] or progress.counting or mapped not in ("UNKNOWN", "UNFULFILLED"):
        return mapped
    if not progress.aside:
        return "CANCELLED"
    return "NOT_REQUIRED" if mapped == "UNKNOWN" else mapped


def _order_status(progress: Progress, fulfilment: str, mapped: str, *, counted: bool) -> str:
    if mapped in _KEPT_ORDER and not (mapped == "PENDING" and counted and progress.any_delivered):
        return mapped  # what its buyer has received waits for nobody's confirmation
    if not counted:
        implied = _ORDER_OF_FULFILMENT.get(fulfilment, "CONFIRMED")
        return implied if _ORDER_RANK[implied] > _ORDER_RANK[mapped] else mapped
    if progress.any_handed_over or progress.any_returned:
        complete = not progress.open and fulfilment != "DELIVERY_FAILED"
        return "COMPLETED" if complete else "PROCESSING"
    if fulfilment in ("IN_PROGRESS", "READY") or mapped == "PROCESSING":
        return "PROCESSING"
    return "CONFIRMED"
