"""The way of a raw event, from bytes to governed output.

    raw event → decode → identify → map → candidate                 (nothing known of its order yet)
              → stale, duplicate, join, derive, rules, lifecycle     (against what the database knows)
              → guest session and conversion
              → outcome, findings, new state, drafts of records      → encoded bytes

Everything here is pure but for the batch's state, which is handed in. The worker, `ordergate map` and the
tests run this same code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from guests.decision import guest_key, order_guest_key
from ingest.decision import Decider, Turn
from ingest.drafts import Draft, encode
from ingest.raw_event import RawEvent
from ingest.state import BatchState, Carrier
from ingest.understanding import Reader, Understood
from mappers.candidate import CheckoutFact, CheckoutStep, Snapshot
from producers.records import OutputRecord
from schemas import identifiers
from schemas.codec import Codec
from schemas.types import Contact


class Pipeline:
    """All steps of one deployment: its channels, contracts, keys and schemas."""

    def __init__(self, reader: Reader, decider: Decider, codec: Codec) -> None:
        self._reader = reader
        self._decider = decider
        self._codec = codec

    def decode(self, events: Iterable[RawEvent]) -> list[Understood]:
        """Bytes to documents."""
        return [self._reader.decode(event) for event in events]

    def map(self, decoded: Iterable[Understood]) -> list[Understood]:
        """Documents to canonical orders, partial changes and checkout facts."""
        return [self._reader.map(understood) for understood in decoded]

    def decide(self, understood: Understood, state: BatchState, carrier: Carrier, now: int) -> list[Draft]:
        """Decide on one event, and on those that waited for the order it brings. Raises HandOver."""
        drafts = self._decider.decide(Turn(understood, state, carrier, now))
        order_id = understood.order_id
        if order_id in state.orders:
            drafts += self._release(order_id, state, carrier, now)
        return drafts

    def end_waiting(
        self, understood: Understood, state: BatchState, carrier: Carrier, now: int
    ) -> list[Draft]:
        """Decide on a parked event whose time is over. Raises HandOver."""
        order_id = understood.order_id
        if order_id in state.orders:
            return self._release(order_id, state, carrier, now)
        state.unpark(understood.event)
        return self._decider.overdue(Turn(understood, state, carrier, now, released=True))

    def encode(self, drafts: Iterable[Draft], state: BatchState) -> list[OutputRecord]:
        """Final bytes; an order's stored state is its newest published value."""
        records = []
        for draft in drafts:
            record = encode(draft, self._codec)
            if draft.record == "CanonicalOrder":
                assert record.value is not None
                state.orders[draft.value["order_id"]].state = record.value
            records.append(record)
        return records

    def _release(self, order_id: str | None, state: BatchState, carrier: Carrier, now: int) -> list[Draft]:
        drafts: list[Draft] = []
        for parked in state.release(order_id or ""):
            (understood,) = self.map(self.decode([parked.event]))
            drafts += self._decider.decide(Turn(understood, state, carrier, now, released=True))
        return drafts


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
        identifiers.guest_id(value)
        for value in (contact["email_hash"], contact["phone_hash"])
        if value is not None
    }
