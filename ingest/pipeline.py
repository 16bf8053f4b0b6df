"""The way of a raw event, from bytes to governed output.

    raw event → decode → identify → map → candidate                 (nothing known of its order yet)
              → stale, duplicate, join, derive, rules, lifecycle     (against what the database knows)
              → guest session and conversion
              → outcome, findings, new state, drafts of records      → encoded bytes

Everything here is pure but for the batch's state, which is handed in. The worker, `ordergate map` and the
tests run this same code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

from guests.decision import guest_key, order_guest_key
from ingest.decision import Decider, Turn
from ingest.drafts import Draft, encode
from ingest.raw_event import RawEvent
from ingest.recent_orders import RecentOrders
from ingest.state import BatchState, Carrier, Position
from ingest.understanding import Reader, Understood
from mappers.candidate import CheckoutFact, CheckoutStep, Snapshot
from producers.records import OutputRecord
from schemas import identifiers
from schemas.codec import Codec
from schemas.types import Contact

Decided: TypeAlias = tuple[Understood, list[Draft]]
"""An event that was decided on, and what it causes."""
Refusals: TypeAlias = Mapping[Position, tuple[str, str]]
"""Events that cannot be stored or encoded, by position: the stage that refused them, and why."""

_NONE: Refusals = MappingProxyType({})


class Pipeline:
    """All steps of one deployment: its channels, contracts, keys and schemas."""

    def __init__(self, reader: Reader, decider: Decider, codec: Codec, orders: RecentOrders) -> None:
        self._reader = reader
        self._decider = decider
        self._codec = codec
        self._orders = orders

    def decode(self, events: Iterable[RawEvent]) -> list[Understood]:
        """Bytes to documents."""
        return [self._reader.decode(event) for event in events]

    def map(self, decoded: Iterable[Understood]) -> list[Understood]:
        """Documents to canonical orders, partial changes and checkout facts."""
        return [self._reader.map(understood) for understood in decoded]

    def decide(
        self, understood: Understood, state: BatchState, carrier: Carrier, now: int, refused: Refusals = _NONE
    ) -> list[Decided]:
        """Decide on one event, and on those that waited for the order it brings.

        Raises HandOver, with nothing changed, when it has to wait for another partition.
        """
        order_id = understood.order_id or ""
        if state.parked.get(order_id) and order_id in state.orders:
            self._decider.may_change(carrier, state.orders[order_id].last)
        turn = Turn(_as_refused(understood, refused), state, carrier, now)
        decided = [(understood, self._decider.decide(turn))]
        if order_id in state.orders:
            decided += self._release(order_id, state, carrier, now, refused)
        return decided

    def end_waiting(
        self, understood: Understood, state: BatchState, carrier: Carrier, now: int, refused: Refusals
    ) -> list[Decided]:
        """Decide on a parked event: with its order, if that has come after all, else its time is over.

        Gives nothing when somebody else has decided on it meanwhile. Raises HandOver, with nothing changed.
        """
        order_id = understood.order_id or ""
        if order_id in state.orders:
            self._decider.may_change(carrier, state.orders[order_id].last)
            return self._release(order_id, state, carrier, now, refused)
        if not state.unpark(understood.event, order_id):
            return []
        turn = Turn(_as_refused(understood, refused), state, carrier, now, released=True)
        return [(understood, self._decider.overdue(turn))]

    def encode(self, drafts: Iterable[Draft], state: BatchState) -> list[OutputRecord]:
        """Final bytes; an order's stored state is its newest published value."""
        records = []
        for draft in drafts:
            record = encode(draft, self._codec)
            if draft.record == "CanonicalOrder":
                assert record.value is not None
                order_id = draft.value["order_id"]
                state.orders[order_id].state = record.value
                self._orders.remember(order_id, record.value, draft.value)
            records.append(record)
        return records

    def _release(
        self, order_id: str, state: BatchState, carrier: Carrier, now: int, refused: Refusals
    ) -> list[Decided]:
        decided: list[Decided] = []
        for parked in state.release(order_id):
            (understood,) = self.map(self.decode([parked.event]))
            turn = Turn(_as_refused(understood, refused), state, carrier, now, released=True)
            decided.append((understood, self._decider.decide(turn)))
        return decided


def _as_refused(understood: Understood, refused: Refusals) -> Understood:
    """The event, to be quarantined when an earlier try showed that it cannot be stored."""
    event = understood.event
    reason = refused.get(Position(event.topic, event.partition, event.offset)) if refused else None
    if reason is not None:
        stage, message = reason
        understood.mapped = None
        understood.stage = stage
        understood.findings = [understood.contract.finding("record_refused", "", message)]
    return understood


def with_guests(understood: Iterable[Understood], state: BatchState) -> list[Understood]:
    """The events whose session and guest matter: who placed an order is settled at its first sighting."""
    return [one for one in understood if one.session_id is not None and one.order_id not in state.orders]


def guests_within_reach(understood: Sequence[Understood], state: BatchState) -> set[str]:
    """Every guest that these events may change, whatever the earlier ones of them do to the sessions."""
    reach: set[str] = set()
    for one in understood:
        mapped, session_id = one.mapped, one.session_id
        if session_id is None:
            continue
        session = state.sessions.get(session_id)
        reach.add(identifiers.provisional_guest_id(session_id))
        if session is not None:
            reach.add(session.guest_id)
        if isinstance(mapped, Snapshot):
            reach.add(order_guest_key(mapped.order, mapped.session_ref, session, one.received_at))
            reach |= _named_by(mapped.order["contact"])
        elif isinstance(mapped, CheckoutFact):
            reach.add(guest_key(mapped, session, one.received_at))
            if mapped.contact is not None:
                reach |= _named_by(mapped.contact)
    return reach


def orders_within_reach(understood: Iterable[Understood], state: BatchState) -> set[str]:
    """Orders of sessions that may become an account's."""
    reach: set[str] = set()
    for one in understood:
        if isinstance(one.mapped, CheckoutFact) and one.mapped.step is CheckoutStep.ACCOUNT_CREATED:
            session = state.sessions.get(one.session_id or "")
            if session is not None:
                reach.update(session.order_ids)
    return reach


def _named_by(contact: Contact) -> set[str]:
    return {
        identifiers.guest_id(value) for value in (contact["email_hash"], contact["phone_hash"]) if value is not None
    }
