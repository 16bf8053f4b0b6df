"""Which of two snapshots of an order is the newer one, by how far the source's clock can be trusted.

Clocks are totally ordered by (sequence, updated_at, rank, digest), where a source without sequences leaves
that at 0. The greater clock's content stays, and the greater clock is kept, whatever arrived first: so every
permutation and repetition of a trace ends in the same order.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from quality.lifecycle.tables import canonical
from schemas.types import CanonicalOrder

Grade: TypeAlias = Literal["A", "B", "C"]
"""A: a sequence per order. B: a last-modified instant. C: no time of its own, only the event's."""


class Stamp(Protocol):
    """A snapshot's place in its order's own time."""

    @property
    def sequence(self) -> int:
        """The source's version, 0 without one."""

    @property
    def updated_at(self) -> int:
        """Microseconds since the epoch, UTC."""

    @property
    def rank(self) -> int:
        """`rank()` of the snapshot."""

    @property
    def digest(self) -> bytes:
        """The hash of the snapshot's content."""


class Arrival(StrEnum):
    """What a snapshot is to the one already known."""

    NEWER = "NEWER"
    """Replaces it."""
    SAME = "SAME"
    """Holds the same content. The greater clock is kept even so: a repetition proves a later instant."""
    STALE = "STALE"
    """Older: nothing to apply."""
    GAP = "GAP"
    """Newer, and versions between were not seen: applied, as it is whole, and flagged."""
    CONFLICT = "CONFLICT"
    """As new as the known one and different: flagged; the greater clock's content stays."""


_SHIFT = 16
_RANKS = {axis: {**canonical().of(axis).ranks, "UNKNOWN": 0} for axis in ("order", "payment", "fulfilment")}
_ORDER, _PAYMENT, _FULFILMENT = _RANKS["order"], _RANKS["payment"], _RANKS["fulfilment"]


def rank(order: CanonicalOrder) -> int:
    """How far along an order is, on the three axes in turn, as one number.

    Taken of a snapshot as mapped, before anything is joined or derived: it must not depend on what else is
    known of the order.
    """
    return (_ORDER[order["order_status"]] * _SHIFT + _PAYMENT[order["payment_status"]]) * _SHIFT + _FULFILMENT[
        order["fulfilment_status"]
    ]


def compare(grade: Grade, candidate: Stamp, known: Stamp) -> Arrival:
    """What `candidate` is to `known`, two snapshots of one order.

    A CONFLICT leaves open which of the two stays, and arrival must not decide it: the greater of the two
    clocks does, by rank (the order that is further along), then by content hash (arbitrary, but the same for
    everyone). On grade A two contents of one version conflict whatever their times are. On B and C a rank
    that differs explains two contents of one instant (clocks of one second hold many events), so only equal
    ranks conflict.
    """
    if candidate.digest == known.digest:
        return Arrival.SAME
    if candidate.sequence != known.sequence:
        if candidate.sequence < known.sequence:
            return Arrival.STALE
        return Arrival.GAP if known.sequence and candidate.sequence > known.sequence + 1 else Arrival.NEWER
    if grade == "A" and candidate.sequence:
        return Arrival.CONFLICT
    mine = (candidate.updated_at, candidate.rank)
    theirs = (known.updated_at, known.rank)
    if mine == theirs:
        return Arrival.CONFLICT
    return Arrival.NEWER if mine > theirs else Arrival.STALE
