"""Nobody gets another's orders: the security invariants of guest conversion, by their numbers."""

from __future__ import annotations

import json

import pytest
from msgspec import structs

from guests.conversion import ineligible_orders
from mappers.candidate import CheckoutStep

HOUR = 3_600_000_000


def merged_orders(store):
    return [order["order_id"] for event in store.named("guest.orders.merged") for order in event["merged"]]


def test_s1_a_session_merges_its_own_orders_and_no_others(make, store):
    """S1: the same shopper's other orders need stronger evidence than one session."""
    jane = make.contact("jane@example.com")
    mine, other = make.order("1", jane), make.order("2", jane)
    store.place(mine, "s1")
    store.place(other, "s2")
    store.tell(make.fact(CheckoutStep.ACCOUNT_CREATED, "s1", customer_id="cust-1", contact=jane))
    assert merged_orders(store) == [mine["order_id"]]
    (completed,) = store.named("guest.conversion.completed")
    assert (completed["assurance"], completed["created"]) == ("E1", True)


def test_s1_an_account_with_the_same_address_but_another_session_gets_nothing(make, store):
    """Whoever knows a stranger's e-mail address cannot register their way to the stranger's orders."""
    jane = make.contact("jane@example.com")
    store.place(make.order("1", jane), "victim")
    attack = make.fact(CheckoutStep.ACCOUNT_CREATED, "attacker", customer_id="cust-x", contact=jane)
    decision = store.tell(attack)
    assert decision.reason == "session_unknown" and decision.events == ()
    store.tell(make.fact(CheckoutStep.STARTED, "attacker", contact=jane))
    store.tell(attack)
    assert merged_orders(store) == []
    victims = [session for session in store.sessions.values() if session.order_ids]
    assert [victim.customer_id for victim in victims] == [None]


def test_s2_a_guest_order_with_a_members_address_stays_unowned(make, store):
    """Nobody can push orders into a member's history by typing the member's address."""
    jane = make.contact("jane@example.com")
    store.place(make.order("1", jane), "s1")
    store.tell(make.fact(CheckoutStep.ACCOUNT_CREATED, "s1", customer_id="jane"))
    decision = store.place(make.order("2", jane), "s2")
    assert decision.session.customer_id is None
    assert [event.name for event in decision.events] == ["guest.session.started", "guest.order.placed"]
    assert merged_orders(store) == [make.order("1")["order_id"]]


def test_s6_possession_of_the_session_is_required(make, store):
    """An account created elsewhere, with the very checkout and order known, claims nothing."""
    store.place(make.order("1", checkout_id="c1"), "s1")
    decision = store.tell(make.fact(CheckoutStep.ACCOUNT_CREATED, "guess", customer_id="x", checkout_id="c1"))
    assert decision.reason == "session_unknown" and merged_orders(store) == []


@pytest.mark.parametrize("known", ["order_id", "source_order_id", "source_order_number"])
def test_s7_an_orders_number_is_no_session_reference(make, store, known):
    """An order that came without a session cannot be claimed by naming the order as one."""
    placed = make.order("1")
    store.place(placed, None)
    decision = store.tell(make.fact(CheckoutStep.ACCOUNT_CREATED, placed[known], customer_id="x"))
    assert decision.reason == "session_unknown" and merged_orders(store) == []


def test_s7_a_session_of_an_order_has_no_reference(make, store):
    """Not even an empty reference opens it."""
    store.place(make.order("1"), None)
    assert store.tell(make.fact(CheckoutStep.ACCOUNT_CREATED, "", customer_id="x")).reason == "session_unknown"


def test_s5_an_expired_session_converts_nothing(make, store):
    """A session token found a day later is worth nothing, whatever time its sender claims."""
    store.place(make.order("1"))
    store.now += 24 * HOUR
    late = make.fact(CheckoutStep.ACCOUNT_CREATED, customer_id="x")
    late.occurred_at = make.noon
    assert store.tell(late).reason == "session_expired" and merged_orders(store) == []
    assert store.tell(make.fact(CheckoutStep.UPDATED)).reason == "session_expired"


def test_s12_only_unowned_undisputed_orders_known_before_are_merged(make, store):
    """What belongs to a member, is disputed, or came after the account is left alone, and the event says
    why."""
    free, owned, disputed = make.order("1"), make.order("2"), make.order("3")
    for placed in (free, owned, disputed):
        store.place(placed)
    owned["customer"] = {**owned["customer"], "kind": "MEMBER", "customer_id": "cust-9"}
    disputed["adjustments"] = [{"kind": "DISPUTE"}]
    store.tell(make.fact(CheckoutStep.ACCOUNT_CREATED, customer_id="cust-1"))
    store.place(make.order("4"))
    (event,) = store.named("guest.orders.merged")
    assert event["merged"] == [{"order_id": free["order_id"], "prev_owner": None, "cutoff_ok": True}]
    assert event["skipped"] == [
        {"order_id": owned["order_id"], "reason": "owned"},
        {"order_id": disputed["order_id"], "reason": "disputed"},
    ]
    assert ineligible_orders([free]) == {}


def test_s14_a_merge_is_applied_once_and_shows_the_same_digest(make):
    """A replay of the same events ends in the same ids and digest; a second account cannot convert again."""
    runs = []
    for _ in range(2):
        store = make.store()
        store.place(make.order("1"))
        store.place(make.order("2"))
        store.tell(make.fact(CheckoutStep.ACCOUNT_CREATED, customer_id="cust-1"))
        runs.append(store.named("guest.orders.merged")[0])
        assert store.tell(make.fact(CheckoutStep.ACCOUNT_CREATED, customer_id="cust-1")).reason == "session_converted"
        assert store.tell(make.fact(CheckoutStep.ACCOUNT_CREATED, customer_id="cust-2")).reason == "session_converted"
        assert len(store.named("guest.orders.merged")) == 1
    assert runs[0] == runs[1]
    assert runs[0]["undo_until"] == make.noon + 30 * 24 * HOUR


def test_s14_other_orders_or_another_account_show_another_digest(make):
    """A digest tells merges apart: it covers the account and each order."""
    digests = set()
    for numbers, customer in ((["1"], "a"), (["1", "2"], "a"), (["1"], "b")):
        store = make.store()
        for number in numbers:
            store.place(make.order(number))
        store.tell(make.fact(CheckoutStep.ACCOUNT_CREATED, customer_id=customer))
        digests.add(store.named("guest.orders.merged")[0]["digest"])
    assert len(digests) == 3


def test_s15_a_registration_does_not_change_the_guest(make, store):
    """The address of a new account replaces neither the session's contact nor the guest."""
    store.place(make.order("1", make.contact("jane@example.com")))
    (before,) = store.sessions.values()
    stranger = make.contact("stranger@example.com")
    store.tell(make.fact(CheckoutStep.ACCOUNT_CREATED, customer_id="x", contact=stranger))
    (after,) = store.sessions.values()
    assert (after.guest_id, after.email_hash) == (before.guest_id, before.email_hash)
    assert {event.record["guest_id"] for event in store.events} == {before.guest_id}


def test_s16_a_phone_number_reaches_no_further_than_its_session(make, store):
    """A recycled phone number does not bring its former owner's orders."""
    number = make.contact(phone="+14155552671")
    store.place(make.order("1", number), "former owner")
    store.place(make.order("2", number), "s2")
    store.tell(make.fact(CheckoutStep.ACCOUNT_CREATED, "s2", customer_id="new owner", contact=number))
    assert merged_orders(store) == [make.order("2")["order_id"]]


def test_s17_no_event_and_no_state_holds_a_raw_contact(make, store):
    """Whoever reads the guest topic or the guest tables learns no address and no number."""
    canary = make.contact("canary.person@example.com", "+14155552671")
    relay = make.contact("canary.relay@marketplace.amazon.com", "not a canary number")
    for step in CheckoutStep:
        ref = f"canary-free {step}"
        store.tell(make.fact(step, ref, contact=canary, customer_id=None))
        store.tell(make.fact(step, ref, contact=relay, payment_method="CARD"))
    store.place(make.order("1", canary), "s1")
    store.tell(make.fact(CheckoutStep.ACCOUNT_CREATED, "s1", customer_id="x", contact=canary))
    shown = json.dumps([event.record for event in store.events])
    shown += json.dumps([structs.asdict(state) for state in (*store.sessions.values(), *store.guests.values())])
    assert {"guest.contact.captured", "guest.order.placed", "guest.orders.merged"} <= set(store.names())
    for secret in ("canary.person", "canary.relay", "4155552671", "canary number", "@"):
        assert secret not in shown
