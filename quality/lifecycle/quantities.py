"""What fulfilments and adjustments say of an order's lines: handed over, received, sent back, removed.

The counts are a function of the order's own content: the same whatever arrived first, and the same when taken
again. Two inputs are also outputs: the units a source states as cancelled, and as returned. They are never
counted down, and completed cancellations and returns in the adjustments count where they are more. A refund by
itself takes no units off: what it pays back may have been shipped and kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from schemas.types import Adjustment, Fulfilment, Line, LineStatus

HANDED_OVER = frozenset({"FULFILLED", "DELIVERED", "DELIVERY_FAILED"})
"""States of a fulfilment whose goods have left; CANCELLED and FAILED ones never did."""


class LineMoves(Struct):
    """Units of one line, summed over fulfilments and completed adjustments."""

    handed_over: int = 0
    delivered: int = 0
    returned: int = 0
    cancelled: int = 0
    named: bool = False
    """Whether any fulfilment, whatever its state, tells of the line."""


class Moves(Struct):
    """What moved for an order."""

    by_line: dict[str, LineMoves] = field(default_factory=dict)
    listed: bool = False
    """Whether any fulfilment lists what is in it."""
    states: set[str] = field(default_factory=set)
    """States of the fulfilments."""
    last_handed_over: int | None = None
    """Instant of the last hand-over."""

    def line(self, line_id: str) -> LineMoves:
        """The moves of one line."""
        found = self.by_line.get(line_id)
        if found is None:
            found = self.by_line[line_id] = LineMoves()
        return found


_STILL = Moves()
_AT_REST = LineMoves()


class Progress(Struct):
    """The lines as counted, and what all lines that count have in common."""

    lines: list[Line]
    counting: int = 0
    """Lines with units left that have to be fulfilled: shipped, or told of by a fulfilment or the source."""
    aside: int = 0
    """Lines with units left that do not count."""
    handed_over: int = 0
    delivered: int = 0
    returned: int = 0
    """Counting lines that are so completely."""
    open: int = 0
    """Counting lines with units that were neither handed over nor came back."""
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
    handed_over = status in HANDED_OVER
    for item in fulfilment["items"]:
        found.listed = True
        line = found.line(item["line_id"])
        line.named = True
        if handed_over:
            line.handed_over += item["quantity"]
            if status == "DELIVERED":
                line.delivered += item["quantity"]
    if handed_over:
        created = fulfilment["created_at"]
        at = fulfilment["updated_at"] if created is None else created
        if found.last_handed_over is None or at > found.last_handed_over:
            found.last_handed_over = at


def _add_adjustment(found: Moves, adjustment: Adjustment) -> None:
    if adjustment["status"] != "COMPLETED":
        return
    cancels = adjustment["kind"] == "CANCELLATION"
    for line in adjustment["lines"]:
        if line["returned"]:
            found.line(line["line_id"]).returned += line["quantity"]
        elif cancels:
            found.line(line["line_id"]).cancelled += line["quantity"]


def count(lines: Sequence[Line], moved: Moves, *, unshipped_open: bool = False) -> Progress:
    """Each line with its quantities and status as `moved` says; lines that say so already are kept.

    `unshipped_open`: lines that are not shipped have to be fulfilled as well, as the source says.
    """
    counted: list[Line] = []
    progress = Progress(counted)
    by_line = moved.by_line
    for line in lines:
        quantity = line["quantity"]
        moves_of_line = by_line.get(line["line_id"], _AT_REST) if by_line else _AT_REST
        fulfilled, delivered = moves_of_line.handed_over, moves_of_line.delivered
        returned, cancelled = moves_of_line.returned, moves_of_line.cancelled
        ordered = quantity["ordered"]
        stated = quantity["cancelled"]
        if stated > cancelled:
            cancelled = stated
        if quantity["returned"] > returned:
            returned = quantity["returned"]
        current = ordered - cancelled
        if quantity["current"] < current:
            current = quantity["current"]
            cancelled = ordered - current
        status = _line_status(current, fulfilled, delivered, returned)
        if (
            line["line_status"] != status
            or quantity["current"] != current
            or quantity["fulfilled"] != fulfilled
            or stated != cancelled
            or quantity["delivered"] != delivered
            or quantity["returned"] != returned
        ):
            line = _with(line, current, fulfilled, delivered, returned, cancelled, status)
        counted.append(line)
        if current <= 0:
            continue
        if line["requires_shipping"] or unshipped_open or moves_of_line.named:
            progress.counting += 1
            progress.open += fulfilled < current and returned < current
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
            progress.aside += 1
    return progress


def _with(
    line: Line,
    current: int,
    fulfilled: int,
    delivered: int,
    returned: int,
    cancelled: int,
    status: LineStatus,
) -> Line:
    quantity = line["quantity"].copy()
    quantity["current"] = current
    quantity["fulfilled"] = fulfilled
    quantity["delivered"] = delivered
    quantity["returned"] = returned
    quantity["cancelled"] = cancelled
    changed = line.copy()
    changed["quantity"] = quantity
    changed["line_status"] = status
    return changed


def _line_status(current: int, fulfilled: int, delivered: int, returned: int) -> LineStatus:
    if current <= 0:
        return "REMOVED"
    if not fulfilled and not returned:
        return "PROCESSING"
    if returned >= current:
        return "RETURNED"
    if delivered >= current:
        return "DELIVERED"
    if fulfilled >= current:
        return "FULFILLED"
    return "PARTIAL" if fulfilled > 0 else "PROCESSING"
