"""A guest's way from the first step of a checkout to an order and an account, as events tell it."""

from __future__ import annotations

from msgspec import structs

from guests.decision import REASONS
from guests.session import SessionStatus
from mappers.candidate import CheckoutStep
from schemas import identifiers

HOUR = 3_600_000_000
MONEY = {"amount_minor": 1250, "currency": "EUR", "exponent": 2}


def only_session(store):
    (session,) = store.sessions.values()
    return session


def test_a_guest_checkout_is_told_from_start_to_account(make, store):
    """A CRM can follow one guest through the whole funnel, step by step, and sees the account at its end."""
    jane = make.contact("jane@example.com")
    store.tell(make.fact(CheckoutStep.STARTED, checkout_id="c1", line_count=2, amount=MONEY))
    store.now += HOUR
    store.tell(make.fact(CheckoutStep.CONTACT_CAPTURED, checkout_id="c1", contact=jane))
    store.tell(make.fact(CheckoutStep.UPDATED, checkout_id="c1", line_count=3))
    store.tell(make.fact(CheckoutStep.PAYMENT_ATTEMPTED, checkout_id="c1", payment_method="CARD"))
    store.tell(make.fact(CheckoutStep.PAYMENT_FAILED, checkout_id="c1", decline_class="funds"))
    store.place(make.order("1", jane, checkout_id="c1"))
    store.tell(make.fact(CheckoutStep.ACCOUNT_CREATED, customer_id="cust-1"))
    assert store.names() == [
        "guest.session.started",
        "guest.checkout.started",
        "guest.contact.captured",
        "guest.session.updated",
        "guest.payment.attempted",
        "guest.payment.failed",
        "guest.order.placed",
        "guest.conversion.completed",
        "guest.orders.merged",
    ]
    assert only_session(store).status is SessionStatus.CONVERTED
    assert only_session(store).customer_id == "cust-1"


def test_a_contact_turns_an_unknown_guest_into_a_known_one(make, store):
    """Events before and after the e-mail can be joined: the first event of the known guest names the
    former."""
    store.tell(make.fact(CheckoutStep.STARTED))
    unknown = only_session(store).guest_id
    assert unknown == identifiers.provisional_guest_id(only_session(store).session_id)
    jane = make.contact("jane@example.com", "+14155552671")
    store.tell(make.fact(CheckoutStep.CONTACT_CAPTURED, contact=jane))
    email, phone = store.named("guest.contact.captured")
    assert email["guest_id"] == identifiers.guest_id(jane["email_hash"]) == only_session(store).guest_id
    assert (email["kind"], email["contact_hash"], email["previous_guest_id"]) == (
        "EMAIL",
        jane["email_hash"],
        unknown,
    )
    assert (phone["kind"], phone["contact_hash"], phone["previous_guest_id"]) == (
        "PHONE",
        jane["phone_hash"],
        None,
    )
    assert [email["guest_version"], phone["guest_version"]] == [1, 2]


def test_the_same_guest_is_known_again_in_another_session(make, store):
    """A shopper who returns is one guest with two sessions: the second order is not a first one."""
    jane = make.contact("jane@example.com")
    store.place(make.order("1", jane), "monday")
    store.place(make.order("2", make.contact("JANE@example.com")), "friday")
    first, second = store.named("guest.order.placed")
    assert first["guest_id"] == second["guest_id"] and first["session_id"] != second["session_id"]
    assert (first["first_order"], second["first_order"]) == (True, False)
    (guest,) = store.guests.values()
    assert guest.order_count == 2 and guest.version == 4


def test_a_mistyped_address_is_corrected(make, store):
    """After the correction, events belong to the guest with the right address, and say that it is a
    correction."""
    store.tell(make.fact(CheckoutStep.CONTACT_CAPTURED, contact=make.contact("jane@exmaple.com")))
    store.now += 1_000
    right = make.contact("jane@example.com")
    store.tell(make.fact(CheckoutStep.CONTACT_CAPTURED, contact=right))
    wrong_event, right_event = store.named("guest.contact.captured")
    assert (wrong_event["is_correction"], right_event["is_correction"]) == (False, True)
    assert right_event["previous_guest_id"] == wrong_event["guest_id"]
    assert only_session(store).email_hash == right["email_hash"]


def test_a_phone_number_does_not_replace_an_address(make, store):
    """A number given later is another way to reach the guest, not another guest."""
    store.tell(make.fact(CheckoutStep.CONTACT_CAPTURED, contact=make.contact("jane@example.com")))
    known = only_session(store).guest_id
    store.tell(make.fact(CheckoutStep.CONTACT_CAPTURED, contact=make.contact(phone="+14155552671")))
    assert only_session(store).guest_id == known
    assert only_session(store).phone_hash is not None


def test_a_relay_address_is_no_identity(make, store):
    """Two buyers behind one forwarding address, or one buyer behind two, are never taken for one guest."""
    relay = make.contact("support@doordash.com", "+14155552671")
    store.place(make.order("1", relay), "s1")
    store.place(make.order("2", relay), "s2")
    first, second = store.named("guest.order.placed")
    assert first["guest_id"] != second["guest_id"]
    assert first["first_order"] and second["first_order"]


def test_an_unusable_contact_is_told_and_names_nobody(make, store):
    """A data owner sees how often checkouts collect addresses that cannot work."""
    store.tell(make.fact(CheckoutStep.CONTACT_CAPTURED, contact=make.contact("jane@nowhere")))
    (event,) = store.named("guest.contact.captured")
    assert (event["valid"], event["contact_hash"]) == (False, None)
    assert only_session(store).status is SessionStatus.STARTED


def test_a_guest_order_opens_a_session_where_none_was_seen(make, store):
    """A channel that sends orders only still gets a guest for each, and its total and hashes."""
    jane = make.contact("jane@example.com")
    decision = store.place(make.order("1", jane, locale="de-DE"), None)
    assert [event.name for event in decision.events] == ["guest.session.started", "guest.order.placed"]
    placed = store.named("guest.order.placed")[0]
    assert placed["contact_hashes"] == [jane["email_hash"]]
    assert placed["total"] == MONEY and placed["order_number"] == "#1"
    assert decision.session.status is SessionStatus.ORDERED


def test_a_guest_order_extends_a_live_session(make, store):
    """Two orders of one visit are in one session, in the order in which they were seen."""
    store.place(make.order("1"))
    store.now += HOUR
    store.place(make.order("2"))
    session = only_session(store)
    assert session.order_ids == (make.order("1")["order_id"], make.order("2")["order_id"])
    assert session.expires_at == store.now + 24 * HOUR
    assert session.absolute_expires_at == make.noon + 7 * 24 * HOUR
    assert store.names().count("guest.session.started") == 1


def test_no_session_outlives_a_week(make, store):
    """However often it is seen: a session token that leaked is worthless after seven days."""
    store.tell(make.fact(CheckoutStep.STARTED))
    for _ in range(8):
        store.now += 20 * HOUR
        store.tell(make.fact(CheckoutStep.UPDATED))
    assert only_session(store).expires_at == only_session(store).absolute_expires_at == make.noon + 168 * HOUR
    store.now = make.noon + 168 * HOUR
    assert store.tell(make.fact(CheckoutStep.UPDATED)).reason == "session_expired"


def test_a_late_fact_moves_nothing_back(make, store):
    """A webhook that was retried for an hour neither shortens the session nor shows an old cart as the
    newest."""
    store.tell(make.fact(CheckoutStep.CONTACT_CAPTURED, contact=make.contact("new@example.com")))
    store.now += 2 * HOUR
    store.tell(make.fact(CheckoutStep.UPDATED, line_count=3))
    before = only_session(store)
    store.now -= HOUR
    assert store.tell(make.fact(CheckoutStep.UPDATED, line_count=1)).reason == "superseded"
    old = make.fact(CheckoutStep.CONTACT_CAPTURED, contact=make.contact("old@example.com"))
    assert store.tell(old).reason == "superseded"
    assert only_session(store) == before
    store.tell(make.fact(CheckoutStep.PAYMENT_ATTEMPTED, contact=make.contact("old@example.com")))
    after = only_session(store)
    assert (after.last_seen_at, after.expires_at) == (before.last_seen_at, before.expires_at)
    assert (after.email_hash, after.guest_id) == (before.email_hash, before.guest_id)
    assert store.named("guest.payment.attempted")[0]["guest_id"] == before.guest_id


def test_a_late_order_is_its_guests_and_leaves_the_session_with_the_newest_contact(make, store):
    """An order webhook that was retried belongs to whom it names; the shopper's later correction stays."""
    old, new = make.contact("old@example.com"), make.contact("new@example.com")
    store.now += HOUR
    store.tell(make.fact(CheckoutStep.CONTACT_CAPTURED, contact=new))
    store.now -= HOUR
    store.place(make.order("1", old))
    assert store.named("guest.order.placed")[0]["guest_id"] == identifiers.guest_id(old["email_hash"])
    assert only_session(store).email_hash == new["email_hash"]
    assert only_session(store).guest_id == identifiers.guest_id(new["email_hash"])
    assert only_session(store).status is SessionStatus.ORDERED


def test_an_ordered_session_never_goes_back(make, store):
    """A late start of the checkout that led to the order leaves the session ordered."""
    store.place(make.order("1", checkout_id="c1"))
    store.tell(make.fact(CheckoutStep.STARTED, checkout_id="c1"))
    store.now += 1
    store.tell(make.fact(CheckoutStep.UPDATED, checkout_id="c1"))
    assert only_session(store).status is SessionStatus.ORDERED


def test_a_checkout_starts_once(make, store):
    """The funnel counts a checkout once, whichever of its steps arrived first, and a second one as
    another."""
    store.tell(make.fact(CheckoutStep.UPDATED, checkout_id="c1"))
    store.tell(make.fact(CheckoutStep.STARTED, checkout_id="c1"))
    store.tell(make.fact(CheckoutStep.PAYMENT_ATTEMPTED, checkout_id="c1"))
    store.tell(make.fact(CheckoutStep.STARTED, checkout_id="c2"))
    assert [event["checkout_id"] for event in store.named("guest.checkout.started")] == ["c1", "c2"]


def test_a_repetition_has_no_effect(make, store):
    """What a channel sends twice is told once, and the reason can be looked up."""
    start = make.fact(CheckoutStep.STARTED, checkout_id="c1", contact=make.contact("jane@example.com"))
    store.tell(start)
    told = len(store.events)
    again = store.tell(start)
    assert (again.session, again.guest, again.events, again.reason) == (None, None, (), "nothing_new")
    placed = make.order("1")
    store.place(placed)
    assert store.place(placed).reason == "nothing_new"
    assert len(store.events) == told + 1


def test_a_repetition_later_keeps_the_session_alive(make, store):
    """A shopper who reloads the checkout page after 23 hours still has a session in the 25th."""
    start = make.fact(CheckoutStep.STARTED, checkout_id="c1")
    store.tell(start)
    store.now += 23 * HOUR
    decision = store.tell(start)
    assert decision.events == () and decision.reason is None
    assert only_session(store).expires_at == store.now + 24 * HOUR


def test_an_order_after_expiry_is_published_in_a_session_of_its_own(make, store):
    """No order is lost because its session was too old, and the old session is not revived by it."""
    store.tell(make.fact(CheckoutStep.STARTED))
    expired = only_session(store)
    store.now += 25 * HOUR
    decision = store.place(make.order("1"))
    assert store.named("guest.order.placed")[0]["session_id"] == decision.session.session_id
    assert decision.session.session_id != expired.session_id
    assert store.sessions[expired.session_id] == expired


def test_a_members_checkout_is_none_of_ours(make, store):
    """A member who buys does not become a guest by it."""
    decision = store.tell(make.fact(CheckoutStep.STARTED, customer_id="cust-1"))
    assert decision.reason == "member_checkout" and not store.sessions


def test_an_account_without_orders_is_told_without_a_merge(make, store):
    """An account and a change of ownership are two facts: the first may come alone."""
    store.tell(make.fact(CheckoutStep.STARTED))
    store.tell(make.fact(CheckoutStep.ACCOUNT_CREATED, customer_id="cust-1"))
    assert store.names()[-1] == "guest.conversion.completed"
    assert store.named("guest.orders.merged") == []


def test_events_follow_the_senders_time_and_carry_the_policy(make, store):
    """An analyst can tell when it happened and under which rules, and which events belong together."""
    store.now += HOUR
    store.tell(make.fact(CheckoutStep.STARTED, checkout_id="c1"))
    for event in store.events:
        assert event.record["occurred_at"] == make.noon
        assert event.record["policy_version"] == store.policy.version
        assert event.record["correlation_id"] == "c1"


def test_every_reason_is_explained():
    """Whoever finds a code in an outcome finds words for it."""
    assert all(text for text in REASONS.values())


def test_a_session_that_was_closed_is_not_live(make, store):
    """A session marked as expired stays so, even before its time."""
    store.tell(make.fact(CheckoutStep.STARTED))
    session = only_session(store)
    store.sessions[session.session_id] = structs.replace(session, status=SessionStatus.EXPIRED)
    assert store.tell(make.fact(CheckoutStep.UPDATED)).reason == "session_expired"
