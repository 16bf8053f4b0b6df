"""Whatever a broker repeats or reorders, streams have no gap and no order changes hands wrongly."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from mappers.candidate import CheckoutStep

HOUR = 3_600_000_000
STEPS = list(CheckoutStep)
EMAILS = ["jane@example.com", "joe@example.com", None, "x@members.ebay.de"]

events = st.lists(
    st.tuples(
        st.sampled_from(["s1", "s2"]),
        st.sampled_from([*STEPS, "order"]),
        st.sampled_from(EMAILS),
        st.integers(1, 6),
        st.integers(-2, 30),
    ),
    max_size=25,
)


def run(make, script):
    """Plays a script; an order's number belongs to one session, as its source has it."""
    store = make.store()
    session_of = {}
    for ref, what, email, number, hours in script:
        store.now += hours * HOUR
        contact = make.contact(email)
        if what == "order":
            ref = session_of.setdefault(number, ref)
            store.place(make.order(str(number), contact, checkout_id=f"c{number}"), ref)
        else:
            customer = f"cust-{ref}" if what is CheckoutStep.ACCOUNT_CREATED else None
            store.tell(make.fact(what, ref, contact=contact, customer_id=customer, checkout_id=f"c{number}"))
    return store, session_of


@given(events)
def test_a_guests_versions_have_no_gap(make, script):
    """A consumer that counts a guest's versions never misses one and never sees one twice."""
    store, _ = run(make, script)
    versions = defaultdict(list)
    for event in store.events:
        versions[event.record["guest_id"]].append(event.record["guest_version"])
    for guest_id, seen in versions.items():
        assert seen == list(range(1, len(seen) + 1))
        assert store.guests[guest_id].version == len(seen)


@given(events)
def test_an_account_takes_only_its_own_sessions_orders(make, script):
    """No order of another session is ever merged, and none twice, whatever addresses were typed."""
    store, session_of = run(make, script)
    taken = []
    for event in store.named("guest.orders.merged"):
        ref = event["customer_id"].removeprefix("cust-")
        for order in event["merged"]:
            assert session_of[int(order["order_id"][-12:])] == ref
            taken.append(order["order_id"])
    assert len(taken) == len(set(taken))


@given(events)
def test_sessions_only_go_forward(make, script):
    """A session's end of life never moves back, and never past its week."""
    store = make.store()
    ends = {}
    for ref, what, email, number, hours in script:
        store.now += hours * HOUR
        if what == "order":
            store.place(make.order(str(number), make.contact(email)), ref)
        else:
            store.tell(make.fact(what, ref, contact=make.contact(email), customer_id=None))
        for key, session in store.sessions.items():
            before = ends.get(key)
            assert before is None or (before[0] <= session.last_seen_at and before[1] <= session.expires_at)
            assert session.expires_at <= session.absolute_expires_at == session.started_at + 168 * HOUR
            ends[key] = (session.last_seen_at, session.expires_at)


@given(
    st.permutations([CheckoutStep.STARTED, CheckoutStep.CONTACT_CAPTURED, CheckoutStep.UPDATED, "order"]),
    st.data(),
)
def test_order_and_repetition_of_facts_do_not_matter_to_the_end(make, steps, data):
    """However a live session's facts arrive, it ends ordered, by the same guest, counted once."""
    store = make.store()
    jane = make.contact("jane@example.com")
    repeated = data.draw(st.permutations([*steps, *data.draw(st.lists(st.sampled_from(steps), max_size=4))]))
    for step in repeated:
        if step == "order":
            store.place(make.order("1", jane, checkout_id="c1"))
        else:
            contact = jane if step is CheckoutStep.CONTACT_CAPTURED else None
            store.tell(make.fact(step, checkout_id="c1", contact=contact))
    (session,) = store.sessions.values()
    assert session.status == "ORDERED" and session.email_hash == jane["email_hash"]
    assert session.order_ids == (make.order("1")["order_id"],) and session.checkout_id == "c1"
    assert store.names().count("guest.order.placed") == 1
    assert store.names().count("guest.checkout.started") <= 1
    assert sum(guest.order_count for guest in store.guests.values()) == 1
