"""The decision on one raw event, given what is known of its order, session and guest. Pure but for the state.

A decision first makes sure that it may change what it wants to change (hand-over), and only then changes
anything: an event that has to wait leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from msgspec import Struct

from guests.conversion import ineligible_orders
from guests.decision import GuestDecision, guest_key, on_checkout_fact, on_order_placed, order_guest_key
from guests.policy import GuestPolicy
from ingest.change import OrderChangeBuilder, as_it_arrived, statuses_of
from ingest.content import content_hash, is_stored_content
from ingest.drafts import Draft, Drafter
from ingest.governance import Governance
from ingest.joining import join_parts
from ingest.recent_orders import RecentOrders
from ingest.refusal import PREDECESSOR_ARRIVED, finding_drafts, quarantine_draft
from ingest.state import (
    BatchState,
    Carrier,
    FindingRow,
    GuestRow,
    OrderRow,
    OutcomeRow,
    ParkedEvent,
    Position,
    QuarantineRow,
)
from ingest.understanding import Understood
from mappers.candidate import CheckoutFact, CheckoutStep, Clock, Ignored, PartialChange, Snapshot
from quality.finding import Action, Finding
from quality.lifecycle.derivation import derive
from quality.lifecycle.ordering import Arrival, compare, rank
from quality.outcome import Outcome, outcome_of
from schemas import instants
from schemas.types import CanonicalOrder

RECORDS = {
    "guest.session.started": "GuestSessionStarted",
    "guest.contact.captured": "GuestContactCaptured",
    "guest.checkout.started": "GuestCheckoutStarted",
    "guest.session.updated": "GuestSessionUpdated",
    "guest.payment.attempted": "GuestPaymentAttempted",
    "guest.payment.failed": "GuestPaymentFailed",
    "guest.order.placed": "GuestOrderPlaced",
    "guest.conversion.completed": "GuestConversionCompleted",
    "guest.orders.merged": "GuestOrdersMerged",
}
_POLICY = {Outcome.IGNORED: Action.REJECT, Outcome.DUPLICATE: Action.DEDUPE, Outcome.STALE: Action.SUPERSEDE}


class HandOver(Exception):
    """An order or guest was last changed from another partition, which has not published that change yet."""

    def __init__(self, carrier: Carrier) -> None:
        super().__init__(f"{carrier.topic}/{carrier.partition} row {carrier.sequence}")
        self.carrier = carrier


class Turn(Struct):
    """One event's turn: its carrier (the journal row that will hold its output) and what it finds."""

    understood: Understood
    state: BatchState
    carrier: Carrier
    now: int
    """Our clock, microseconds: only deadlines of parked events depend on it."""
    released: bool = False
    """It was parked before, and its outcome changes."""
    _drafter: Drafter | None = None

    @property
    def drafter(self) -> Drafter:
        """Drafts the records that its event causes."""
        if self._drafter is None:
            event = self.understood.event
            self._drafter = Drafter(event.position.encode(), instants.to_text(self.understood.received_at).encode())
        return self._drafter


class Decider:
    """Decides on understood events, one after the other, against the batch's state."""

    def __init__(
        self,
        governance: Mapping[str, Governance],
        orders: RecentOrders,
        guest_policy: GuestPolicy,
        park_deadline: int,
        is_published: Callable[[Carrier], bool],
    ) -> None:
        """`governance` by channel name; `park_deadline` in microseconds."""
        self._governance = governance
        self._orders = orders
        self._guest_policy = guest_policy
        self._park_deadline = park_deadline
        self._is_published = is_published

    def decide(self, turn: Turn) -> list[Draft]:
        """The output of one event; its outcome, findings and new states go into the batch's state.

        Raises HandOver, with nothing changed, when it has to wait for another partition.
        """
        drafts = self._decide(turn)
        if drafts:
            turn.state.count_outputs(turn.understood.event, len(drafts))
        return drafts

    def _decide(self, turn: Turn) -> list[Draft]:
        understood, mapped = turn.understood, turn.understood.mapped
        if mapped is None:
            return self._refuse(turn, understood.findings)
        if not turn.released and understood.event_key in turn.state.event_keys:
            return self._settle(turn, Outcome.DUPLICATE, "event id already seen")
        match mapped:
            case Snapshot():
                return self._snapshot(turn, mapped)
            case PartialChange():
                return self._partial(turn, mapped)
            case CheckoutFact():
                return self._fact(turn, mapped)
            case Ignored():
                return self._settle(turn, Outcome.IGNORED, f"{mapped.reason}: {mapped.message}")

    def overdue(self, turn: Turn) -> list[Draft]:
        """A parked event whose patience ended: applied if its order has come after all, else quarantined."""
        if turn.understood.order_id in turn.state.orders:
            return self.decide(turn)
        finding = self._governance[turn.understood.channel.name].contract.finding(
            *PREDECESSOR_ARRIVED, "its order did not arrive within the time it may wait"
        )
        turn.understood.stage = "park"
        drafts = self._refuse(turn, [finding])
        turn.state.count_outputs(turn.understood.event, len(drafts))
        return drafts

    def _snapshot(self, turn: Turn, snapshot: Snapshot) -> list[Draft]:
        channel = turn.understood.channel
        order = join_parts(snapshot.order, snapshot.order)
        place = rank(order)
        order = derive(order, channel.map_statuses(order["source_status"]))
        digest = content_hash(order)
        clock = Clock(snapshot.clock.sequence, snapshot.clock.updated_at, place, digest)
        known = turn.state.orders.get(order["order_id"])
        if known is None:
            return self._first(turn, snapshot, order, clock)
        self.may_change(turn.carrier, known.last)
        before = self._orders.order_of(known)
        arrival = compare(channel.ordering.value, clock, known.clock)
        newest = max(clock, known.clock)
        joined = join_parts(order, before) if newest is clock else join_parts(before, order)
        if joined is not order and joined is not before:
            joined = derive(joined, channel.map_statuses(joined["source_status"]))
            digest = content_hash(joined)
        elif joined is before:
            digest = known.content_hash
        if is_stored_content(digest, before, known.content_hash):
            return self._known_already(turn, known, newest, arrival)
        notes = [arrival.value] if arrival in (Arrival.GAP, Arrival.CONFLICT) else []
        return self._change(turn, known, joined, newest, digest, notes)

    def _known_already(self, turn: Turn, known: OrderRow, newest: Clock, arrival: Arrival) -> list[Draft]:
        if newest is not known.clock:
            # Nothing to publish, but a snapshot older than this one must not be taken for news later.
            turn.state.put_order(replace(known, clock=newest))
        turn.state.remember_event(turn.understood.event_key)
        if arrival is Arrival.STALE:
            return self._settle(turn, Outcome.STALE, "older than what is known", known.canonical_version)
        return self._settle(turn, Outcome.DUPLICATE, "content already known", known.canonical_version)

    def _partial(self, turn: Turn, partial: PartialChange) -> list[Draft]:
        known = turn.state.orders.get(partial.order_id)
        if known is None:
            return self._park(turn, partial)
        self.may_change(turn.carrier, known.last)
        before = self._orders.order_of(known)
        joined = join_parts(before, partial)
        if joined is not before:
            channel = turn.understood.channel
            joined = derive(joined, channel.map_statuses(joined["source_status"]))
        digest = known.content_hash if joined is before else content_hash(joined)
        if digest == known.content_hash:
            return self._known_already(turn, known, known.clock, Arrival.SAME)
        return self._change(turn, known, joined, known.clock, digest, [])

    def _park(self, turn: Turn, partial: PartialChange) -> list[Draft]:
        deadline = turn.now + self._park_deadline
        turn.state.park(ParkedEvent(turn.understood.event, partial.order_id, deadline))
        turn.state.remember_event(turn.understood.event_key)
        return self._settle(turn, Outcome.PARKED, f"waits for its order until {instants.to_text(deadline)}")

    def _first(self, turn: Turn, snapshot: Snapshot, order: CanonicalOrder, clock: Clock) -> list[Draft]:
        """An order seen for the first time, and the guest who placed it."""
        guest = None
        if order["customer"]["kind"] == "GUEST":
            guest = self._guest_order(turn, snapshot, order)
        drafts = self._change(turn, None, order, clock, clock.digest, [])
        if guest is not None and order["order_id"] in turn.state.orders:
            drafts += self._tell(turn, guest)
        return drafts

    def _guest_order(self, turn: Turn, snapshot: Snapshot, order: CanonicalOrder) -> GuestDecision:
        state, received_at = turn.state, turn.understood.received_at
        session = state.sessions.get(turn.understood.session_id or "")
        key = order_guest_key(order, snapshot.session_ref, session, received_at)
        order["customer"]["guest_id"] = key
        row = state.guests.get(key)
        if row is not None:
            self.may_change(turn.carrier, row.last)
        return on_order_placed(
            order, snapshot.session_ref, session, row.guest if row else None, received_at, self._guest_policy
        )

    def _fact(self, turn: Turn, fact: CheckoutFact) -> list[Draft]:
        state, received_at = turn.state, turn.understood.received_at
        session = state.sessions.get(turn.understood.session_id or "")
        row = state.guests.get(guest_key(fact, session, received_at))
        if row is not None:
            self.may_change(turn.carrier, row.last)
        ineligible: dict[str, str] = {}
        if fact.step is CheckoutStep.ACCOUNT_CREATED and session is not None:
            placed = [self._orders.order_of(state.orders[key]) for key in session.order_ids if key in state.orders]
            ineligible = ineligible_orders(placed)
        decision = on_checkout_fact(
            fact, session, row.guest if row else None, received_at, self._guest_policy, ineligible
        )
        turn.state.remember_event(turn.understood.event_key)
        if decision.reason is not None:
            return self._settle(turn, Outcome.IGNORED, decision.reason)
        drafts = self._tell(turn, decision)
        self._settle(turn, Outcome.GOVERNED, fact.step.value)
        return drafts

    def _tell(self, turn: Turn, decision: GuestDecision) -> list[Draft]:
        """Store a guest decision and draft its events."""
        if decision.session is not None:
            turn.state.put_session(decision.session)
        if decision.guest is not None:
            turn.state.put_guest(GuestRow(decision.guest, turn.carrier))
        drafter = turn.drafter
        return [drafter.guest(event.name, RECORDS[event.name], event.record) for event in decision.events]

    def _change(
        self,
        turn: Turn,
        known: OrderRow | None,
        order: CanonicalOrder,
        clock: Clock,
        digest: bytes,
        notes: list[str],
    ) -> list[Draft]:
        """A change of an order: judged, and published as the next version or refused with every reason."""
        understood = turn.understood
        governance = self._governance[understood.channel.name]
        before = self._orders.order_of(known) if known is not None else None
        if before is not None and order["customer"]["kind"] == "GUEST":
            # Who placed an order is settled at its first sighting; a source does not know our guests.
            order = {**order, "customer": {**order["customer"], "guest_id": before["customer"]["guest_id"]}}
        judged = governance.judge(before, as_it_arrived(order, understood), notes)
        outcome = outcome_of(judged.findings)
        if outcome not in (Outcome.GOVERNED, Outcome.HELD):
            if outcome is Outcome.QUARANTINED:
                understood.stage = "check"
                return self._refuse(turn, judged.findings, order["order_id"])
            # By policy not ours: what else is wrong with it concerns nobody.
            why = [finding for finding in judged.findings if finding.action is _POLICY[outcome]]
            drafts = self._report(turn, why, outcome, order["order_id"])
            self._settle(turn, outcome, why[0].message)
            return drafts
        builder = OrderChangeBuilder(governance, understood, judged, notes)
        version = known.canonical_version + 1 if known is not None else 1
        published = builder.order(order, version, digest, outcome)
        drafter = turn.drafter
        drafts = [drafter.order(published), drafter.change(builder.change(before, published))]
        drafts += self._report(turn, judged.findings, outcome, order["order_id"])
        turn.state.put_order(_row(published, clock, digest, turn.carrier))
        turn.state.remember_event(understood.event_key)
        self._settle(turn, outcome, judged.summary, version)
        return drafts

    def _refuse(self, turn: Turn, findings: list[Finding], order_id: str | None = None) -> list[Draft]:
        """Quarantine: the event is kept whole, with every reason."""
        understood = turn.understood
        order_id = order_id or understood.order_id
        governance = self._governance[understood.channel.name]
        row = QuarantineRow(
            understood.event,
            understood.channel.name,
            understood.event_kind,
            order_id,
            understood.stage,
            findings,
        )
        turn.state.quarantined.append(row)
        drafts = [turn.drafter.quarantine(quarantine_draft(row, governance))]
        drafts += self._report(turn, findings, Outcome.QUARANTINED, order_id)
        detail = ", ".join(sorted({finding.rule for finding in findings}))
        self._settle(turn, Outcome.QUARANTINED, detail, order_id=order_id)
        return drafts

    def _report(self, turn: Turn, findings: list[Finding], outcome: Outcome, order_id: str | None) -> list[Draft]:
        """Findings as rows and as records of their own."""
        if not findings:
            return []
        understood = turn.understood
        governance = self._governance[understood.channel.name]
        turn.state.findings += [
            FindingRow(understood.event, finding, understood.channel.name, order_id) for finding in findings
        ]
        records = finding_drafts(understood, findings, outcome, order_id, governance)
        drafter = turn.drafter
        return [drafter.finding(record) for record in records]

    def _settle(
        self,
        turn: Turn,
        outcome: Outcome,
        detail: str | None,
        version: int | None = None,
        *,
        order_id: str | None = None,
    ) -> list[Draft]:
        """Give the event its outcome. An outcome alone publishes nothing: the list is empty."""
        understood, state = turn.understood, turn.state
        event = understood.event
        position = Position(event.topic, event.partition, event.offset)
        row = OutcomeRow(
            outcome, understood.channel.name, understood.event_kind, order_id or understood.order_id,
            version, detail, 0,
        )  # fmt: skip
        if turn.released and position not in state.outcomes:
            state.changed_outcomes[position] = row
        else:
            state.outcomes[position] = row
        return []

    def may_change(self, carrier: Carrier, last: Carrier) -> None:
        """Whether what `last` carries is published, or goes out with `carrier`. Raises HandOver when it is not."""
        same_partition = last.topic == carrier.topic and last.partition == carrier.partition
        if not same_partition and not self._is_published(last):
            raise HandOver(last)


def _row(order: CanonicalOrder, clock: Clock, digest: bytes, carrier: Carrier) -> OrderRow:
    return OrderRow(
        order["order_id"], order["source"], order["source_account"], order["source_order_id"],
        order["source_order_number"], order["canonical_version"], clock, digest, *statuses_of(order),
        state=b"", last=carrier, order=order,
    )  # fmt: skip
