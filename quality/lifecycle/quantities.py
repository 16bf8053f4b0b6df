"""What fulfilments and adjustments say of an order's lines: handed over, received, sent back, removed.

The counts are a function of the order's own content: the same whatever arrived first, and the same when taken
again. One input is also an output: the units a source itself states as cancelled. They are believed as long
as no adjustment takes units off that line; from then on the adjustments alone decide. An adjustment's later
versions may change quantities and states, but are expected to keep naming the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from schemas.types import Adjustment, Fulfilment, Line, LineStatus, Quantity

HANDED_OVER = frozenset({"FULFILLED", "DELIVERED", "DELIVERY_FAILED"})
"""States of a fulfilment whose goods have left; CANCELLED and FAILED ones never did."""

TAKES_UNITS_OFF = frozenset({"REFUND", "CANCELLATION", "EXCHANGE"})
"""Kinds of adjustment whose lines, where nothing came back, remove units; the others move money only."""


@dataclass(slots=True)
class Moves:
    """Units by line_id, summed over fulfilments and completed adjustments."""

    handed_over: dict[str, int] = field(default_factory=dict)
    delivered: dict[str, int] = field(default_factory=dict)
    returned: dict[str, int] = field(default_factory=dict)
    refunded_unreturned: dict[str, int] = field(default_factory=dict)
    """Refunded and nothing came back: removed as far as it was never handed over."""
    cancelled: dict[str, int] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    """Lines of which any fulfilment tells, whatever its state."""
    removal_named: set[str] = field(default_factory=set)
    """Lines of which any adjustment takes units off, whatever its state."""
    states: set[str] = field(default_factory=set)
    """States of the fulfilments."""
    last_handed_over: int | None = None
    """Instant of the last hand-over."""


_STILL = Moves()


@dataclass(slots=True)
class Progress:
    """The lines as counted, and what all lines that count have in common."""

    lines: list[Line]
    counting: int = 0
    """Lines with units left that are shipped, or that a fulfilment tells of."""
    removed: int = 0
    """Lines to be shipped with no units left."""
    handed_over: int = 0
    delivered: int = 0
    returned: int = 0
    """Counting lines that are so completely."""
    any_handed_over: bool = False
    any_delivered: bool = False
    any_returned: bool = False


def moves(fulfilments: Sequence[Fulfilment], adjustments: Sequence[Adjustment]) -> Moves:
    """Sum up what moved."""
    if not fulfilments and not adjustments:
        return _STILL
    found = Moves()
    for fulfilment in fulfilments:
        _add_fulfilment(found, fulfilment)
    for adjustment in adjustments:
        _add_adjustment(found, adjustment)
    return found


def _add_fulfilment(found: Moves, fulfilment: Fulfilment) -> None:
    status = fulfilment["status"]
    found.states.add(status)
    handed_over, delivered = found.handed_over, found.delivered
    for item in fulfilment["items"]:
        line_id = item["line_id"]
        found.named.add(line_id)
        if status in HANDED_OVER:
            handed_over[line_id] = handed_over.get(line_id, 0) + item["quantity"]
            if status == "DELIVERED":
                delivered[line_id] = delivered.get(line_id, 0) + item["quantity"]
    if status in HANDED_OVER:
        created = fulfilment["created_at"]
        at = fulfilment["updated_at"] if created is None else created
        if found.last_handed_over is None or at > found.last_handed_over:
            found.last_handed_over = at


def _add_adjustment(found: Moves, adjustment: Adjustment) -> None:
    completed = adjustment["status"] == "COMPLETED"
    kind = adjustment["kind"]
    removed = found.cancelled if kind == "CANCELLATION" else found.refunded_unreturned
    for line in adjustment["lines"]:
        line_id, quantity = line["line_id"], line["quantity"]
        if line["returned"]:
            if completed:
                found.returned[line_id] = found.returned.get(line_id, 0) + quantity
        elif quantity and kind in TAKES_UNITS_OFF:
            found.removal_named.add(line_id)
            if completed:
                removed[line_id] = removed.get(line_id, 0) + quantity


def count(lines: Sequence[Line], moved: Moves) -> Progress:
    """Each line with its quantities and status as `moved` says; lines that say so already are kept."""
    progress = Progress([])
    for line in lines:
        line_id, quantity = line["line_id"], line["quantity"]
        ordered = quantity["ordered"]
        fulfilled = moved.handed_over.get(line_id, 0)
        delivered = moved.delivered.get(line_id, 0)
        returned = moved.returned.get(line_id, 0)
        if line_id in moved.removal_named:
            never_left = max(0, ordered - fulfilled)
            cancelled = moved.cancelled.get(line_id, 0) + min(
                never_left, moved.refunded_unreturned.get(line_id, 0)
            )
        else:
            cancelled = max(quantity["cancelled"], ordered - quantity["current"])
        current = ordered - cancelled
        status = _line_status(current, fulfilled, delivered, returned)
        if (
            quantity["fulfilled"] != fulfilled
            or quantity["cancelled"] != cancelled
            or quantity["current"] != current
            or quantity["delivered"] != delivered
            or quantity["returned"] != returned
            or line["line_status"] != status
        ):
            counted = {
                **quantity,
                "current": current,
                "fulfilled": fulfilled,
                "delivered": delivered,
                "returned": returned,
                "cancelled": cancelled,
            }
            line = cast("Line", {**line, "quantity": cast("Quantity", counted), "line_status": status})
        progress.lines.append(line)
        if line["requires_shipping"] or line_id in moved.named:
            if current > 0:
                progress.counting += 1
                if fulfilled:
                    progress.any_handed_over = True
                    progress.handed_over += fulfilled >= current
                if delivered:
                    progress.any_delivered = True
                    progress.delivered += delivered >= current
                if returned:
                    progress.any_returned = True
                    progress.returned += returned >= current
            else:
                progress.removed += 1
    return progress


def _line_status(current: int, fulfilled: int, delivered: int, returned: int) -> LineStatus:
    if current <= 0:
        return "REMOVED"
    if returned >= current:
        return "RETURNED"
    if delivered >= current:
        return "DELIVERED"
    if fulfilled >= current:
        return "FULFILLED"
    return "PARTIAL" if fulfilled > 0 else "PROCESSING"
