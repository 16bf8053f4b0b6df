"""What the database knows of the orders, guests and sessions a batch touches, and what the batch changes.

`BatchState` is loaded under locks at the start of a batch's transaction, changed by the pure decisions, event
by event, and written back set-wise at its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from guests.session import GuestState, SessionState
from ingest.raw_event import RawEvent
from mappers.candidate import Clock
from quality.finding import Finding
from quality.outcome import Outcome
from schemas.types import CanonicalOrder


class Position(NamedTuple):
    """A place in the raw log."""

    topic: str
    partition: int
    offset: int


class Carrier(NamedTuple):
    """The journal row that carries a change to Kafka: another partition waits until it is published."""

    topic: str
    partition: int
    sequence: int


@dataclass(slots=True)
class OrderRow:
    """One order as stored. `order` is its decoded state, once somebody needed it."""

    order_id: str
    source: str
    source_account: str
    source_order_id: str
    source_order_number: str | None
    canonical_version: int
    clock: Clock
    content_hash: bytes
    order_status: str
    payment_status: str
    fulfilment_status: str
    state: bytes
    last: Carrier
    order: CanonicalOrder | None = None


@dataclass(slots=True)
class GuestRow:
    """One guest as stored, with the carrier of its last change."""

    guest: GuestState
    last: Carrier


class ParkedEvent(NamedTuple):
    """A raw event that waits for its order, with the end of its patience (microseconds, UTC)."""

    event: RawEvent
    order_id: str
    deadline: int


class OutcomeRow(NamedTuple):
    """The one outcome of one raw event; `outputs` counts the records published for it, on all topics."""

    outcome: Outcome
    channel: str
    event_kind: str | None
    order_id: str | None
    canonical_version: int | None
    detail: str | None
    outputs: int


class FindingRow(NamedTuple):
    """A finding with the raw event it is about."""

    event: RawEvent
    finding: Finding
    channel: str
    order_id: str | None


class QuarantineRow(NamedTuple):
    """A raw event kept whole, with every reason."""

    event: RawEvent
    channel: str
    event_kind: str | None
    order_id: str | None
    stage: str
    reasons: list[Finding]


@dataclass(slots=True)
class BatchState:
    """Everything a batch reads and writes, keyed for the decisions."""

    orders: dict[str, OrderRow] = field(default_factory=dict)
    guests: dict[str, GuestRow] = field(default_factory=dict)
    sessions: dict[str, SessionState] = field(default_factory=dict)
    event_keys: set[bytes] = field(default_factory=set)
    parked: dict[str, list[ParkedEvent]] = field(default_factory=dict)

    new_orders: dict[str, OrderRow] = field(default_factory=dict)
    changed_orders: dict[str, OrderRow] = field(default_factory=dict)
    new_guests: dict[str, GuestRow] = field(default_factory=dict)
    changed_guests: dict[str, GuestRow] = field(default_factory=dict)
    new_sessions: dict[str, SessionState] = field(default_factory=dict)
    changed_sessions: dict[str, SessionState] = field(default_factory=dict)
    new_event_keys: set[bytes] = field(default_factory=set)
    outcomes: dict[Position, OutcomeRow] = field(default_factory=dict)
    changed_outcomes: dict[Position, OutcomeRow] = field(default_factory=dict)
    findings: list[FindingRow] = field(default_factory=list)
    quarantined: list[QuarantineRow] = field(default_factory=list)
    parked_now: list[ParkedEvent] = field(default_factory=list)
    unparked: list[Position] = field(default_factory=list)

    def put_order(self, row: OrderRow) -> None:
        """Store an order's new state, to be written at the end of the batch."""
        if row.order_id in self.orders and row.order_id not in self.new_orders:
            self.changed_orders[row.order_id] = row
        else:
            self.new_orders[row.order_id] = row
        self.orders[row.order_id] = row

    def put_guest(self, row: GuestRow) -> None:
        """Store a guest's new state."""
        key = row.guest.guest_id
        if key in self.guests and key not in self.new_guests:
            self.changed_guests[key] = row
        else:
            self.new_guests[key] = row
        self.guests[key] = row

    def put_session(self, session: SessionState) -> None:
        """Store a session's new state."""
        key = session.session_id
        if key in self.sessions and key not in self.new_sessions:
            self.changed_sessions[key] = session
        else:
            self.new_sessions[key] = session
        self.sessions[key] = session

    def count_outputs(self, event: RawEvent, outputs: int) -> None:
        """Note how many records an event's outcome comes with."""
        position = Position(event.topic, event.partition, event.offset)
        rows = self.outcomes if position in self.outcomes else self.changed_outcomes
        rows[position] = rows[position]._replace(outputs=outputs)

    def remember_event(self, event_key: bytes | None) -> None:
        """Remember an event id, so that its repetition is known."""
        if event_key is not None:
            self.event_keys.add(event_key)
            self.new_event_keys.add(event_key)

    def park(self, parked: ParkedEvent) -> None:
        """Let an event wait for its order."""
        self.parked.setdefault(parked.order_id, []).append(parked)
        self.parked_now.append(parked)

    def release(self, order_id: str) -> list[ParkedEvent]:
        """Take every event out that waits for an order, in log order."""
        waiting = self.parked.pop(order_id, [])
        if waiting:
            self._forget_parked(waiting)
        return waiting

    def unpark(self, event: RawEvent, order_id: str) -> bool:
        """Take one event out that waits no longer; False when it is waiting no more already."""
        waiting = self.parked.get(order_id, [])
        for parked in waiting:
            if parked.event[:3] == event[:3]:
                self.parked[order_id] = [other for other in waiting if other is not parked]
                self._forget_parked([parked])
                return True
        return False

    def _forget_parked(self, waiting: Iterable[ParkedEvent]) -> None:
        fresh = {id(parked) for parked in self.parked_now}
        for parked in waiting:
            if id(parked) in fresh:
                self.parked_now = [other for other in self.parked_now if other is not parked]
            else:
                event = parked.event
                self.unparked.append(Position(event.topic, event.partition, event.offset))
