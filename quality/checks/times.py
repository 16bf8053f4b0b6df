"""Whether an order's instants are plausible. The clock is the raw event's own: `ingested_at`."""

from __future__ import annotations

from typing import Final

from quality.checks import DAY, MINUTE, SECOND, Broken, Limits
from schemas.types import CanonicalOrder

RULES: Final = frozenset(
    {
        "placed_at_present",
        "placed_not_future",
        "placed_not_ancient",
        "updated_after_placed",
        "ingest_lag",
        "times_in_order",
    }
)

_LATER: Final = ("confirmed_at", "completed_at", "cancelled_at", "closed_at")


def check(order: CanonicalOrder, limits: Limits, broken: Broken) -> None:
    """Placement against the clock, the other instants against placement (invariant X10)."""
    now, placed, updated = order["ingested_at"], order["placed_at"], order["source_updated_at"]
    if placed <= 0:
        broken("placed_at_present", "placed_at", "is missing; expected the instant of placement")
    elif placed > now + limits.clock_skew:
        broken("placed_not_future", "placed_at", f"is {_span(placed - now)} ahead of its arrival")
    elif placed < now - limits.oldest_placement:
        broken("placed_not_ancient", "placed_at", f"is {_span(now - placed)} before its arrival")
    if updated < placed - limits.clock_skew:
        broken("updated_after_placed", "source_updated_at", f"is {_span(placed - updated)} before placement")
    if now - updated > limits.ingest_lag:
        broken(
            "ingest_lag",
            "ingested_at",
            f"arrived {_span(now - updated)} after its change; expected within {_span(limits.ingest_lag)}",
        )
    _in_order(order, now + limits.clock_skew, broken)


def _in_order(order: CanonicalOrder, latest: int, broken: Broken) -> None:
    placed = order["placed_at"]
    confirmed, completed = order["confirmed_at"], order["completed_at"]
    if confirmed is not None:
        if confirmed < placed:
            broken("times_in_order", "confirmed_at", f"is {_span(placed - confirmed)} before placement")
        if completed is not None and completed < confirmed:
            broken("times_in_order", "completed_at", f"is {_span(confirmed - completed)} before confirmation")
    elif completed is not None and completed < placed:
        broken("times_in_order", "completed_at", f"is {_span(placed - completed)} before placement")
    if confirmed is None and completed is None and order["cancelled_at"] is None and order["closed_at"] is None:
        return
    for name in _LATER:
        at: int | None = order[name]
        if at is not None and at > latest:
            broken("times_in_order", name, f"is {_span(at - order['ingested_at'])} ahead of its arrival")


def _span(microseconds: int) -> str:
    if microseconds < 2 * MINUTE:
        return f"{microseconds // SECOND} seconds"
    if microseconds < 2 * DAY:
        return f"{microseconds // MINUTE} minutes"
    return f"{microseconds // DAY} days"
