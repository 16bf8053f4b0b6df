"""A guest's session and the guest it speaks for: their state, their keys, and how long they live."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

from guests.policy import GuestPolicy
from mappers.candidate import CheckoutFact
from schemas import identifiers
from schemas.types import CanonicalOrder, Contact

# One event asks for the same keys several times: to lock, to read, to decide.
_session_id = lru_cache(maxsize=8192)(identifiers.session_id)
_guest_id = lru_cache(maxsize=8192)(identifiers.guest_id)


class SessionStatus(StrEnum):
    """How far a session has come. It only ever moves down this list; the last two end it."""

    STARTED = "STARTED"
    CONTACT_CAPTURED = "CONTACT_CAPTURED"
    CHECKOUT = "CHECKOUT"
    ORDERED = "ORDERED"
    CONVERTED = "CONVERTED"
    EXPIRED = "EXPIRED"


_RANK = {status: rank for rank, status in enumerate(SessionStatus)}


def reached(status: SessionStatus, step: SessionStatus) -> SessionStatus:
    """The further of the two."""
    return step if _RANK[step] > _RANK[status] else status


def has_reached(status: SessionStatus, step: SessionStatus) -> bool:
    """Whether the status is the step or beyond it."""
    return _RANK[status] >= _RANK[step]


class SessionState(Struct, frozen=True):
    """One guest session. Instants are microseconds since the epoch, by our clock (Kafka timestamps).

    The channel's own name of the session works as its token, so only its hash is kept: the `session_id` (S4).
    """

    session_id: str
    guest_id: str
    channel: str
    source_account: str
    status: SessionStatus
    version: int
    started_at: int
    last_seen_at: int
    expires_at: int
    absolute_expires_at: int
    checkout_id: str | None = None
    email_hash: str | None = None
    phone_hash: str | None = None
    customer_id: str | None = None
    order_ids: tuple[str, ...] = ()
    """Guest orders of this session, in the order in which they were first seen."""

    def is_live(self, now: int) -> bool:
        """Whether it may still be acted in. Judged by our clock: a sender's times can be chosen."""
        return self.status is not SessionStatus.EXPIRED and now < self.expires_at


class GuestState(Struct, frozen=True):
    """One guest, over all sessions. `version` counts the guest's published events."""

    guest_id: str
    version: int
    order_count: int
    first_order_at: int | None


def session_key(fact: CheckoutFact) -> str:
    """The session a fact is about: needed before any state is read."""
    return _session_id(fact.channel, fact.source_account, fact.session_ref)


def order_session_key(order: CanonicalOrder, session_ref: str | None) -> str:
    """The session an order was placed in, or, where its source names none, one of its own.

    The order's own session lies in a namespace that no session_ref can reach: an order's number is known to
    many, and must not work as the token of the session that placed it (S7).
    """
    if session_ref is None:
        return identifiers.derived("order-session", order["order_id"])
    return _session_id(order["source"], order["source_account"], session_ref)


def identify_guest(contact: Contact | None, session_id: str, session: SessionState | None) -> str:
    """Who a contact and its session name: by e-mail, else by phone, else as known, else provisionally.

    `session`: its live state, if any. A relay's address or number names no person, whoever gave it; neither
    does what could not be normalised. A phone number does not replace an e-mail address: numbers are passed
    on to others.
    """
    if contact is not None and not contact["relay"]:
        if contact["email_hash"] is not None:
            return _guest_id(contact["email_hash"])
        if contact["phone_hash"] is not None and not _named_by_email(session):
            return _guest_id(contact["phone_hash"])
    return identifiers.provisional_guest_id(session_id) if session is None else session.guest_id


def _named_by_email(session: SessionState | None) -> bool:
    if session is None or session.email_hash is None:
        return False
    return session.guest_id == _guest_id(session.email_hash)


def opened(
    session_id: str,
    guest_id: str,
    channel: str,
    source_account: str,
    now: int,
    policy: GuestPolicy,
) -> SessionState:
    """A session that begins now, at version 0: being seen makes it version 1 and gives it its time."""
    return SessionState(
        session_id=session_id,
        guest_id=guest_id,
        channel=channel,
        source_account=source_account,
        status=SessionStatus.STARTED,
        version=0,
        started_at=now,
        last_seen_at=now,
        expires_at=now,
        absolute_expires_at=now + policy.absolute,
    )
