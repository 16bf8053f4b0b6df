"""One guest's stream while a raw event is decided: changes of state, and events without a gap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from guests import conversion
from guests.event import GuestEvent, GuestRecord
from guests.policy import GuestPolicy
from guests.session import GuestState, SessionState, SessionStatus, reached
from schemas.types import CanonicalOrder, Consent, Contact, GuestEnvelope, Money


class Stream:
    """The session and the guest as they become, and the events told of it.

    Both are taken apart here and put together once, in `session` and `guest`: a copy of a frozen state for
    each step would cost more than all the rest of the decision.
    """

    def __init__(
        self,
        session: SessionState,
        guest: GuestState,
        occurred_at: int,
        checkout_id: str | None,
        now: int,
        policy: GuestPolicy,
    ) -> None:
        """The session is seen now. What arrives late makes it neither younger nor older."""
        self._before = session
        self._version = session.version + 1
        self._last_seen_at = max(session.last_seen_at, now)
        self._expires_at = min(self._last_seen_at + policy.idle, session.absolute_expires_at)
        self._status = session.status
        self._known_as = session.guest_id
        self._session_checkout_id = session.checkout_id
        self._email_hash = session.email_hash
        self._phone_hash = session.phone_hash
        self._customer_id = session.customer_id
        self._order_ids = session.order_ids
        self._guest_id = guest.guest_id
        self._guest_version = guest.version
        self._order_count = guest.order_count
        self._first_order_at = guest.first_order_at
        self._occurred_at = occurred_at
        self._checkout_id = checkout_id
        self._now = now
        self._policy = policy
        self.events: list[GuestEvent] = []

    @property
    def session(self) -> SessionState:
        """The session after all that was told."""
        before = self._before
        return SessionState(
            session_id=before.session_id,
            guest_id=self._known_as,
            channel=before.channel,
            source_account=before.source_account,
            status=self._status,
            version=self._version,
            started_at=before.started_at,
            last_seen_at=self._last_seen_at,
            expires_at=self._expires_at,
            absolute_expires_at=before.absolute_expires_at,
            checkout_id=self._session_checkout_id,
            email_hash=self._email_hash,
            phone_hash=self._phone_hash,
            customer_id=self._customer_id,
            order_ids=self._order_ids,
        )

    @property
    def guest(self) -> GuestState:
        """The guest after all that was told."""
        return GuestState(self._guest_id, self._guest_version, self._order_count, self._first_order_at)

    def start(self, locale: str | None, entry: str) -> None:
        """The session begins."""
        self._tell(
            "guest.session.started",
            {
                **self._envelope(),
                "locale": locale,
                "expires_at": self._expires_at,
                "absolute_expires_at": self._before.absolute_expires_at,
                "entry": entry,
            },
        )

    def keep_contact(self, contact: Contact) -> None:
        """The session gets this contact, and with it the guest whom it names."""
        self._known_as = self._guest_id
        self._email_hash = contact["email_hash"] or self._email_hash
        self._phone_hash = contact["phone_hash"] or self._phone_hash

    def capture_contact(self, contact: Contact, consents: list[Consent]) -> None:
        """The shopper gave this contact: one event for each of e-mail and phone that is new here."""
        email_hash, phone_hash = self._email_hash, self._phone_hash
        previous = self._known_as if self._known_as != self._guest_id else None
        self.keep_contact(contact)
        if self._email_hash != email_hash:
            self._captured("EMAIL", self._email_hash, email_hash, contact, consents, previous)
            previous = None
        if self._phone_hash != phone_hash:
            self._captured("PHONE", self._phone_hash, phone_hash, contact, consents, previous)

    def refuse_contact(self, contact: Contact) -> None:
        """The shopper gave something that is no mailbox or no number."""
        kinds: list[tuple[Literal["EMAIL", "PHONE"], str | None, str | None]] = [
            ("EMAIL", contact["email_raw"], contact["email_hash"]),
            ("PHONE", contact["phone_raw"], contact["phone_hash"]),
        ]
        for kind, raw, known in kinds:
            if raw is not None and known is None:
                self._captured(kind, None, None, contact, [], None)

    def start_checkout(self, line_count: int | None, total: Money | None) -> None:
        """A checkout begins in the session."""
        self._session_checkout_id = self._checkout_id or self._session_checkout_id
        self.reach(SessionStatus.CHECKOUT)
        self._tell("guest.checkout.started", {**self._envelope(), "line_count": line_count, "total": total})

    def update(self, step: str, line_count: int | None, total: Money | None) -> None:
        """The checkout went a step on, or its cart changed."""
        self._tell(
            "guest.session.updated",
            {
                **self._envelope(),
                "session_version": self._version,
                "step": step,
                "line_count": line_count,
                "total": total,
                "expires_at": self._expires_at,
            },
        )

    def attempt_payment(self, method: str | None, amount: Money | None) -> None:
        """The shopper tried to pay."""
        self._tell("guest.payment.attempted", {**self._envelope(), "method": method, "amount": amount})

    def fail_payment(self, method: str | None, amount: Money | None, decline_class: str | None) -> None:
        """The payment was declined."""
        self._tell(
            "guest.payment.failed",
            {**self._envelope(), "method": method, "amount": amount, "decline_class": decline_class},
        )

    def place(self, order: CanonicalOrder) -> None:
        """The guest ordered. Nobody owns the order: whose e-mail address it carries proves nothing."""
        self.reach(SessionStatus.ORDERED)
        self._order_ids = (*self._order_ids, order["order_id"])
        self._session_checkout_id = self._session_checkout_id or self._checkout_id
        contact = order["contact"]
        hashes = (contact["email_hash"], contact["phone_hash"])
        self._tell(
            "guest.order.placed",
            {
                **self._envelope(),
                "order_id": order["order_id"],
                "order_number": order["source_order_number"],
                "total": order["totals"]["total_original"],
                "contact_hashes": [value for value in hashes if value is not None],
                "tracking_token_id": None,
                "first_order": self._order_count == 0,
            },
        )
        placed_at, first = order["placed_at"], self._first_order_at
        self._first_order_at = placed_at if first is None else min(first, placed_at)
        self._order_count += 1

    def convert(self, customer_id: str, ineligible: Mapping[str, str]) -> None:
        """The shopper created an account from the session: it takes along what evidence E1 allows."""
        self._customer_id = customer_id
        self.reach(SessionStatus.CONVERTED)
        conversion_id = conversion.conversion_id(self._before.session_id, customer_id)
        self._tell(
            "guest.conversion.completed",
            {
                **self._envelope(),
                "conversion_id": conversion_id,
                "customer_id": customer_id,
                "created": True,
                "assurance": "E1",
            },
        )
        merged, skipped = conversion.divided(self._order_ids, ineligible)
        if not merged and not skipped:
            return
        digest = conversion.digest(customer_id, merged)
        self._tell(
            "guest.orders.merged",
            {
                **self._envelope(),
                "merge_id": conversion.merge_id(conversion_id, digest),
                "conversion_id": conversion_id,
                "customer_id": customer_id,
                "merged": merged,
                "skipped": skipped,
                "digest": digest,
                "undo_until": self._now + self._policy.undo_window,
            },
        )

    def reach(self, step: SessionStatus) -> None:
        """The session has come at least this far."""
        self._status = reached(self._status, step)

    def _captured(
        self,
        kind: Literal["EMAIL", "PHONE"],
        contact_hash: str | None,
        known: str | None,
        contact: Contact,
        consents: list[Consent],
        previous: str | None,
    ) -> None:
        if contact_hash is not None:
            self.reach(SessionStatus.CONTACT_CAPTURED)
        self._tell(
            "guest.contact.captured",
            {
                **self._envelope(),
                "kind": kind,
                "contact_hash": contact_hash,
                "valid": contact_hash is not None,
                "relay": contact["relay"],
                "is_correction": known is not None,
                "previous_guest_id": previous,
                "consents": consents,
            },
        )

    def _envelope(self) -> GuestEnvelope:
        session = self._before
        checkout_id = self._checkout_id or self._session_checkout_id
        return {
            "guest_id": self._guest_id,
            "guest_version": self._guest_version + 1,
            "session_id": session.session_id,
            "channel": session.channel,
            "source_account": session.source_account,
            "checkout_id": checkout_id,
            "occurred_at": self._occurred_at,
            "correlation_id": checkout_id or session.session_id,
            "policy_version": self._policy.version,
        }

    def _tell(self, name: str, record: GuestRecord) -> None:
        self.events.append(GuestEvent(name, record))
        self._guest_version += 1
