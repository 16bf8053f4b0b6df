"""Guest events: the names of their types and the records they carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from schemas.types import (
    GuestCheckoutStarted,
    GuestContactCaptured,
    GuestConversionCompleted,
    GuestOrderPlaced,
    GuestOrdersMerged,
    GuestPaymentAttempted,
    GuestPaymentFailed,
    GuestSessionStarted,
    GuestSessionUpdated,
)

GuestRecord: TypeAlias = (
    GuestSessionStarted
    | GuestContactCaptured
    | GuestCheckoutStarted
    | GuestSessionUpdated
    | GuestPaymentAttempted
    | GuestPaymentFailed
    | GuestOrderPlaced
    | GuestConversionCompleted
    | GuestOrdersMerged
)


@dataclass(frozen=True, slots=True)
class GuestEvent:
    """One event of a guest's stream."""

    name: str
    """`guest.order.placed` and its like."""
    record: GuestRecord
