"""Guest events: the names of their types and the records they carry."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

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


class GuestEvent(Struct, frozen=True):
    """One event of a guest's stream."""

    name: str
    """`guest.order.placed` and its like."""
    record: GuestRecord
