"""What a mapper returns: one of four kinds of understanding of a raw event, or a defective event raised.

They are msgspec structs: dataclasses in all but their making, which costs a tenth, several times per event.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct, field

from schemas.types import Adjustment, CanonicalOrder, Consent, Contact, Fulfilment, Money, Payment


class EventContext(Struct, frozen=True):
    """What is known of a raw event outside its body. Times are microseconds since the epoch, UTC."""

    channel: str
    source_account: str
    event_kind: str | None
    """The channel's own name of the event (`orders/create`, `order.placed`); None when nothing tells it."""
    event_id: str | None
    received_at: int
    """The Kafka record's timestamp: the only clock a channel without times gives."""


class Clock(Struct, frozen=True, order=True):
    """Where a snapshot stands in its order's own time. Ordered: the greatest is the newest."""

    sequence: int
    """The source's version of the order (grade A), else 0."""
    updated_at: int
    """The source's last-modified instant in microseconds (grade B), else the event's own time."""
    rank: int = 0
    """Tie-break of equal clocks: further along in the lifecycle wins (see quality/lifecycle)."""
    digest: bytes = b""
    """Last tie-break: the content hash, so that the winner never depends on arrival."""


class Snapshot(Struct):
    """The whole order as its source sees it now. `order` has statuses as mapped, not yet derived."""

    order: CanonicalOrder
    clock: Clock
    session_ref: str | None = None
    """The channel's name of the guest session that placed it, where there is one."""
    unknown_fields: int = 0


class PartialChange(Struct):
    """A refund, fulfilment or payment that arrives alone: joins its order, or waits for it."""

    order_id: str
    source: str
    source_account: str
    source_order_id: str
    occurred_at: int
    fulfilments: list[Fulfilment] = field(default_factory=list)
    adjustments: list[Adjustment] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    unknown_fields: int = 0


class CheckoutStep(StrEnum):
    """What happened in a checkout, before or beside an order."""

    STARTED = "checkout.started"
    CONTACT_CAPTURED = "contact.captured"
    UPDATED = "checkout.updated"
    PAYMENT_ATTEMPTED = "payment.attempted"
    PAYMENT_AUTHORIZED = "payment.authorized"
    PAYMENT_CAPTURED = "payment.captured"
    PAYMENT_FAILED = "payment.failed"
    ACCOUNT_CREATED = "account.created"


class CheckoutFact(Struct):
    """A fact about a guest's session: no order changes by it."""

    step: CheckoutStep
    channel: str
    source_account: str
    session_ref: str
    occurred_at: int
    checkout_id: str | None = None
    contact: Contact | None = None
    consents: list[Consent] = field(default_factory=list)
    customer_id: str | None = None
    """The account, for ACCOUNT_CREATED, or the member whose checkout this is."""
    amount: Money | None = None
    """The cart's total, or the payment's amount."""
    line_count: int | None = None
    payment_method: str | None = None
    decline_class: str | None = None
    locale: str | None = None
    unknown_fields: int = 0


class Ignored(Struct):
    """Understood, and by policy not ours: a test order, a draft, an abandoned checkout of another system."""

    reason: str
    """A stable snake_case code."""
    message: str
    order: CanonicalOrder | None = None
    """The order it would have been, so that `ordergate map` can still show it."""
    unknown_fields: int = 0


Mapped: TypeAlias = Snapshot | PartialChange | CheckoutFact | Ignored


class Defect(Struct, frozen=True):
    """One thing in a payload that keeps it from being understood."""

    rule: str
    """The rule it breaks, as in the contracts: `payload_json`, `payload_shape`, `event_kind_known`, …"""
    path: str
    """Where, in the payload's own field names: `line_items[2].price`; empty for the whole record."""
    message: str
    """What is wrong and what is expected; never a value that may be personal."""


MOST_DEFECTS = 1_000
"""Defects a mapper tells of one event: more help nobody, and cost time that other events wait for."""


class DefectiveEvent(Exception):
    """A raw event that cannot be understood, with every reason found. It is kept whole in quarantine."""

    def __init__(self, defects: Sequence[Defect]) -> None:
        super().__init__("; ".join(f"{d.path or 'event'}: {d.message}" for d in defects))
        self.defects = tuple(defects)


class MappedStatuses(Struct, frozen=True):
    """An order's statuses as its native vocabulary says, before amounts and quantities decide."""

    order: str
    payment: str
    fulfilment: str
    unmapped: tuple[tuple[str, str], ...] = ()
    """(native axis, native value) pairs that the vocabulary does not know."""
    unshipped_open: bool = False
    """Lines that are not shipped have yet to be fulfilled, as the source says: they count like shipped ones."""
    payments_complete: bool = False
    """The source tells each payment, so that their sums are what was captured and is authorised."""
