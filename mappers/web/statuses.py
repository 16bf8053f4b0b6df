"""The statuses of a web order: words computed from timestamps, amounts and quantities, and what they mean.

Payment follows from the authorised, captured and refunded amounts against the total, fulfilment from the
quantities handed over, received and returned: the derivation that every channel's orders go through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Final

from mappers import vocabulary
from mappers.candidate import MappedStatuses
from mappers.web.order_payload import Order
from schemas import money
from schemas.types import Adjustment, Fulfilment, Line, Money, Payment, Totals

_VOCABULARY: Final = vocabulary.load("web")

_RECEIVED: Final = frozenset({"DELIVERED"})
_HANDED_OVER: Final = frozenset({"FULFILLED", "DELIVERED", "DELIVERY_FAILED"})


def map_statuses(source_status: Mapping[str, str]) -> MappedStatuses:
    """What the words kept in `source_status` mean, as mappers/vocabularies/web.yaml says."""
    return _meaning(source_status.get("order"), source_status.get("payment"), source_status.get("fulfilment"))


@cache
def _meaning(order: str | None, payment: str | None, fulfilment: str | None) -> MappedStatuses:
    meanings: dict[str, str] = {}
    unmapped: list[tuple[str, str]] = []
    for axis, word in (("order", order), ("payment", payment), ("fulfilment", fulfilment)):
        meaning = _VOCABULARY.tables[axis].meaning(word)
        if meaning is None:
            unmapped.append((axis, word or ""))
        meanings[axis] = meaning or "UNKNOWN"
    status = "UNKNOWN"
    for decision in _VOCABULARY.order_status:
        if meanings[decision.axis] == decision.value and meanings["order"] != "UNKNOWN":
            status = decision.status
            break
    return MappedStatuses(status, meanings["payment"], meanings["fulfilment"], tuple(unmapped), payments_complete=True)


def source_statuses(
    order: Order,
    totals: Totals,
    lines: list[Line],
    payments: list[Payment],
    fulfilments: list[Fulfilment],
    adjustments: list[Adjustment],
) -> dict[str, str]:
    """The words of the three axes for an order as it is now."""
    return {
        "order": _order_word(order),
        "payment": _payment_word(totals, payments),
        "fulfilment": _fulfilment_word(lines, fulfilments, adjustments),
    }


def _order_word(order: Order) -> str:
    if order.get("cancelled_at") is not None:
        return "cancelled"
    if order.get("closed_at") is not None:
        return "closed"
    if order.get("held_at") is not None:
        return "held"
    return "pending" if order.get("confirmed_at") is None else "confirmed"


def _payment_word(totals: Totals, payments: list[Payment]) -> str:
    decimals = money.exponent(totals["total_current"]["currency"])
    total = _quantised(totals["total_current"], decimals)
    authorised = _quantised(totals["authorised"], decimals)
    captured = _quantised(totals["captured"], decimals)
    refunded = _quantised(totals["refunded"], decimals)
    if refunded > 0:
        return "refunded" if captured <= refunded else "partially_refunded"
    if captured > 0:
        return "paid" if captured == total else "partially_paid" if captured < total else "overpaid"
    if authorised > 0:
        return "authorized" if authorised >= total else "partially_authorized"
    return _unsettled_word(payments, total)


def _unsettled_word(payments: list[Payment], total: int) -> str:
    """The word for an order of which nothing is captured or authorised any more."""
    if any(entry["status"] == "SUCCEEDED" for entry in payments):
        return "voided"
    if total == 0:
        return "paid"
    if any(entry["status"] == "PENDING" for entry in payments):
        return "pending"
    return "failed" if any(entry["status"] == "FAILED" for entry in payments) else "unpaid"


def _quantised(amount: Money | None, decimals: int) -> int:
    """The amount in the currency's minor units, halves up."""
    if amount is None:
        return 0
    surplus = amount["exponent"] - decimals
    if surplus == 0:
        return amount["amount_minor"]
    step: int = 10**surplus
    return (amount["amount_minor"] + step // 2) // step


def _fulfilment_word(lines: list[Line], fulfilments: list[Fulfilment], adjustments: list[Adjustment]) -> str:
    shipped = {
        line["source_line_id"]: line["quantity"]["current"]
        for line in lines
        if line["requires_shipping"] and line["quantity"]["current"] > 0
    }
    if not shipped:
        gone = all(line["quantity"]["current"] <= 0 for line in lines)
        return "cancelled" if gone else "not_required"
    if not fulfilments:
        return "unfulfilled"
    handed_over = _quantities(fulfilments, _HANDED_OVER)
    received = _quantities(fulfilments, _RECEIVED)
    returned: Counter[str] = Counter()
    for adjustment in adjustments:
        if adjustment["status"] == "COMPLETED":
            for part in adjustment["lines"]:
                if part["returned"]:
                    returned[part["source_line_id"]] += part["quantity"]
    if _covers(returned, shipped):
        return "returned"
    if any(returned[line] > 0 for line in shipped):
        return "partially_returned"
    if any(received[line] > 0 for line in shipped):
        return "delivered" if _covers(received, shipped) else "partially_delivered"
    states = {part["status"] for part in fulfilments}
    if _covers(handed_over, shipped):
        return "delivery_failed" if "DELIVERY_FAILED" in states else "fulfilled"
    if any(handed_over[line] > 0 for line in shipped):
        return "partially_fulfilled"
    if "READY" in states:
        return "ready"
    return "in_progress" if "IN_PROGRESS" in states else "unfulfilled"


def _covers(quantities: Counter[str], wanted: dict[str, int]) -> bool:
    return all(quantities[line] >= quantity for line, quantity in wanted.items())


def _quantities(fulfilments: list[Fulfilment], states: frozenset[str]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in fulfilments:
        if part["status"] in states:
            for item in part["items"]:
                total[item["source_line_id"]] += item["quantity"]
    return total
