"""What a checkout fact or a guest order does to its session and its guest, and the events that follow.

Pure: state, the instant and the policy come in; new state and events go out. The caller reads the session by
`session_key` (or `order_session_key`), then the guest by `guest_key` (or `order_guest_key`), and writes what
comes out.

An expired session is never revived. A later fact under its reference is ignored (`session_expired`): the
sender has to start a session with a new reference, since a reference that works for ever is a credential that
never expires. An order under it is published all the same, in a session of its own, from which nothing can be
merged.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from guests.event import GuestEvent
from guests.policy import GuestPolicy
from guests.session import (
    GuestState,
    SessionState,
    SessionStatus,
    has_reached,
    identify_guest,
    opened,
    order_session_key,
    session_key,
)
from guests.stream import Stream
from mappers.candidate import CheckoutFact, CheckoutStep
from schemas.types import CanonicalOrder

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "session_unknown": "no session is known under this reference; only the one that ordered can convert",
        "session_expired": "the session has expired; a shopper who returns needs one with a new reference",
        "session_converted": "the session has already become an account",
        "account_unnamed": "the event does not name the account that was created",
        "member_checkout": "the checkout is a member's, not a guest's",
        "superseded": "the session has been seen since, with newer values",
        "nothing_new": "everything the event tells is known already",
    }
)
"""Why a fact or an order has no effect: stable codes, each with the words for its sender."""

_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_OVERWRITING = frozenset({CheckoutStep.UPDATED, CheckoutStep.CONTACT_CAPTURED})


class GuestDecision(Struct, frozen=True):
    """New state to write (None: unchanged), events to publish in this order, or why there is no effect."""

    session: SessionState | None
    guest: GuestState | None
    events: tuple[GuestEvent, ...]
    reason: str | None = None
    """A key of REASONS where the fact or order has no effect, else None."""


def guest_key(fact: CheckoutFact, session: SessionState | None, now: int) -> str:
    """The guest to whose stream a fact's events belong. `session`: the row of `session_key(fact)`."""
    live = _live(session, now)
    return identify_guest(None if _ignores_contact(fact, live, now) else fact.contact, session_key(fact), live)


def order_guest_key(order: CanonicalOrder, session_ref: str | None, session: SessionState | None, now: int) -> str:
    """The guest who placed the order: also its `customer.guest_id`. `session`: the row of
    `order_session_key`."""
    return identify_guest(order["contact"], _key_of(order, session_ref, session, now), _live(session, now))


def on_checkout_fact(
    fact: CheckoutFact,
    session: SessionState | None,
    guest: GuestState | None,
    now: int,
    policy: GuestPolicy,
    ineligible: Mapping[str, str] = _NONE,
) -> GuestDecision:
    """Decides on one fact, whose contact is normalised.

    `session`, `guest`: the rows of `session_key(fact)` and `guest_key(fact, session, now)`, None where there
    is none. `now`: the raw event's Kafka timestamp, microseconds. `ineligible`:
    `conversion.ineligible_orders` of the session's orders; only ACCOUNT_CREATED needs it.
    """
    refusal = _refusal(fact, session, now)
    if refusal is not None:
        return _without_effect(refusal)
    guest_id = guest_key(fact, session, now)
    state = session or opened(session_key(fact), guest_id, fact.channel, fact.source_account, now, policy)
    stream = Stream(state, _guest(guest, guest_id), fact.occurred_at, fact.checkout_id, now, policy)
    if session is None:
        stream.start(fact.locale, fact.step)
    if fact.step is CheckoutStep.ACCOUNT_CREATED:
        assert fact.customer_id is not None  # _refusal saw to it
        stream.convert(fact.customer_id, ineligible)
    else:
        _tell(stream, fact, session, now)
    if not stream.events and session is not None and now <= session.last_seen_at:
        return _without_effect("nothing_new")
    return _told(stream)


def on_order_placed(
    order: CanonicalOrder,
    session_ref: str | None,
    session: SessionState | None,
    guest: GuestState | None,
    now: int,
    policy: GuestPolicy,
) -> GuestDecision:
    """Decides on a guest order seen for the first time: it opens or extends its session, unowned (S2).

    `session_ref`: as the mapper gave it. `session`, `guest`: the rows of `order_session_key(order,
    session_ref)` and `order_guest_key(order, session_ref, session, now)`, None where there is none. `now`: as
    for a fact.
    """
    if session is not None and order["order_id"] in session.order_ids:
        return _without_effect("nothing_new")
    live = _live(session, now)
    key = _key_of(order, session_ref, session, now)
    guest_id = identify_guest(order["contact"], key, live)
    state = live
    if state is None:
        state = opened(key, guest_id, order["source"], order["source_account"], now, policy)
    stream = Stream(state, _guest(guest, guest_id), order["placed_at"], order["checkout_id"], now, policy)
    if live is None:
        # The order opens its session: no checkout was seen to capture a contact, so none is reported as
        # captured.
        stream.start(order["locale"], "order.placed")
        stream.keep_contact(order["contact"])
    elif now >= live.last_seen_at or not _has_contact(live):
        stream.capture_contact(order["contact"], order["consents"])
    stream.place(order)
    return _told(stream)


def _refusal(fact: CheckoutFact, session: SessionState | None, now: int) -> str | None:
    """Why the fact can have no effect, whatever it tells."""
    if session is not None and not session.is_live(now):
        return "session_expired"
    converting = fact.step is CheckoutStep.ACCOUNT_CREATED
    if converting and session is None:
        return "session_unknown"
    if session is not None and session.status is SessionStatus.CONVERTED:
        return "session_converted"
    if converting:
        return "account_unnamed" if fact.customer_id is None else None
    if fact.customer_id is not None:
        return "member_checkout"
    late = session is not None and now < session.last_seen_at
    if late and fact.step in _OVERWRITING and (fact.step is CheckoutStep.UPDATED or _has_contact(session)):
        return "superseded"
    return None


def _tell(stream: Stream, fact: CheckoutFact, session: SessionState | None, now: int) -> None:
    """The events of a fact that is about a checkout. `session`: as it was before."""
    if fact.contact is not None and not _ignores_contact(fact, session, now):
        stream.capture_contact(fact.contact, fact.consents)
        if fact.step is CheckoutStep.CONTACT_CAPTURED:
            stream.refuse_contact(fact.contact)
    if fact.step is CheckoutStep.CONTACT_CAPTURED:
        return
    if _starts_checkout(fact, session, now):
        stream.start_checkout(fact.line_count, fact.amount)
    match fact.step:
        case CheckoutStep.UPDATED | CheckoutStep.PAYMENT_AUTHORIZED | CheckoutStep.PAYMENT_CAPTURED:
            stream.update(fact.step, fact.line_count, fact.amount)
        case CheckoutStep.PAYMENT_ATTEMPTED:
            stream.attempt_payment(fact.payment_method, fact.amount)
        case CheckoutStep.PAYMENT_FAILED:
            stream.fail_payment(fact.payment_method, fact.amount, fact.decline_class)


def _starts_checkout(fact: CheckoutFact, session: SessionState | None, now: int) -> bool:
    """Any step of a checkout tells that it started, once, so that facts may arrive in any order.

    In a session that is further, only the start of a checkout with another id does.
    """
    if session is None or not has_reached(session.status, SessionStatus.CHECKOUT):
        return True
    if fact.step is not CheckoutStep.STARTED or fact.checkout_id in (None, session.checkout_id):
        return False
    return session.checkout_id is None or now >= session.last_seen_at


def _ignores_contact(fact: CheckoutFact, session: SessionState | None, now: int) -> bool:
    """A new account's contact does not tell who used the session; a late one does not replace a newer one."""
    if fact.step is CheckoutStep.ACCOUNT_CREATED:
        return True
    return session is not None and now < session.last_seen_at and _has_contact(session)


def _has_contact(session: SessionState | None) -> bool:
    return session is not None and (session.email_hash is not None or session.phone_hash is not None)


def _live(session: SessionState | None, now: int) -> SessionState | None:
    return session if session is not None and session.is_live(now) else None


def _key_of(order: CanonicalOrder, session_ref: str | None, session: SessionState | None, now: int) -> str:
    """The session the order goes into: its own where the one it refers to has expired."""
    expired = session is not None and not session.is_live(now)
    return order_session_key(order, None if expired else session_ref)


def _guest(guest: GuestState | None, guest_id: str) -> GuestState:
    return guest if guest is not None else GuestState(guest_id, 0, 0, None)


def _told(stream: Stream) -> GuestDecision:
    return GuestDecision(stream.session, stream.guest if stream.events else None, tuple(stream.events))


def _without_effect(reason: str) -> GuestDecision:
    return GuestDecision(None, None, (), reason)
