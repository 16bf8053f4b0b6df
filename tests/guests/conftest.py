"""Builders of facts and orders, and a store in memory that calls the decisions as the pipeline does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from guests.contact import ContactNormaliser
from guests.conversion import ineligible_orders
from guests.decision import (
    GuestDecision,
    guest_key,
    on_checkout_fact,
    on_order_placed,
    order_guest_key,
)
from guests.event import GuestEvent
from guests.policy import GuestPolicy
from guests.session import GuestState, SessionState, order_session_key, session_key
from mappers.candidate import CheckoutFact, CheckoutStep
from schemas.types import CanonicalOrder, Contact

NOON = 1_767_268_800_000_000  # 2026-01-01T12:00:00Z
_NORMALISER = ContactNormaliser(b"0123456789abcdef0123456789abcdef", "k1")


def contact(email: str | None = None, phone: str | None = None, *, relay: bool = False) -> Contact:
    raw: Contact = {
        "email_raw": email,
        "email_norm": None,
        "email_hash": None,
        "phone_raw": phone,
        "phone_e164": None,
        "phone_hash": None,
        "relay": relay,
        "verified_at": None,
        "preferred_channel": None,
    }
    return _NORMALISER.normalise(raw, "US")


def fact(step: CheckoutStep, ref: str = "s1", **given: Any) -> CheckoutFact:
    return CheckoutFact(step, "web", "shop-1", ref, occurred_at=NOON, **given)


def order(number: str, placed_by: Contact | None = None, **given: Any) -> CanonicalOrder:
    """The part of a canonical order that guest decisions read."""
    made = {
        "order_id": f"00000000-0000-5000-8000-{int(number):012d}",
        "source": "web",
        "source_account": "shop-1",
        "source_order_id": number,
        "source_order_number": f"#{number}",
        "checkout_id": None,
        "locale": None,
        "placed_at": NOON,
        "contact": placed_by or contact(),
        "consents": [],
        "customer": {
            "kind": "GUEST",
            "customer_id": None,
            "guest_id": None,
            "assurance": "E0",
            "loyalty_ref": None,
        },
        "totals": {"total_original": {"amount_minor": 1250, "currency": "EUR", "exponent": 2}},
        "adjustments": [],
        **given,
    }
    return cast(CanonicalOrder, made)


@dataclass
class Store:
    """Sessions, guests and published events; `now` is the Kafka timestamp of the next raw event."""

    now: int = NOON
    policy: GuestPolicy = field(default_factory=GuestPolicy)
    sessions: dict[str, SessionState] = field(default_factory=dict)
    guests: dict[str, GuestState] = field(default_factory=dict)
    orders: dict[str, CanonicalOrder] = field(default_factory=dict)
    events: list[GuestEvent] = field(default_factory=list)

    def tell(self, told: CheckoutFact) -> GuestDecision:
        session = self.sessions.get(session_key(told))
        guest = self.guests.get(guest_key(told, session, self.now))
        known = [self.orders[order_id] for order_id in session.order_ids] if session else []
        return self._keep(on_checkout_fact(told, session, guest, self.now, self.policy, ineligible_orders(known)))

    def place(self, placed: CanonicalOrder, ref: str | None = "s1") -> GuestDecision:
        session = self.sessions.get(order_session_key(placed, ref))
        guest = self.guests.get(order_guest_key(placed, ref, session, self.now))
        self.orders.setdefault(placed["order_id"], placed)
        return self._keep(on_order_placed(placed, ref, session, guest, self.now, self.policy))

    def named(self, name: str) -> list[Any]:
        return [event.record for event in self.events if event.name == name]

    def names(self) -> list[str]:
        return [event.name for event in self.events]

    def _keep(self, decision: GuestDecision) -> GuestDecision:
        if decision.session is not None:
            self.sessions[decision.session.session_id] = decision.session
        if decision.guest is not None:
            self.guests[decision.guest.guest_id] = decision.guest
        self.events += decision.events
        return decision


@dataclass(frozen=True)
class Builders:
    contact = staticmethod(contact)
    fact = staticmethod(fact)
    order = staticmethod(order)
    store = Store
    noon: int = NOON


@pytest.fixture(scope="session")
def make() -> Builders:
    return Builders()


@pytest.fixture
def store() -> Store:
    return Store()
