"""One guest's stream while a raw event is decided: changes of state, and events without a gap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from guests import conversion
from guests.event import GuestEvent, GuestRecord
from guests.policy import GuestPolicy
from guests.session import GuestState, SessionState, SessionStatus, reached
from schemas.types import CanonicalOrder, Consent, Contact, GuestEnvelope, Money


@dataclass(slots=True)
class Stream:
    """The session and the guest as they become, and the events told of it."""

    session: SessionState
    guest: GuestState
    occurred_at: int
    checkout_id: str | None
    now: int
    policy: GuestPolicy
    events: list[GuestEvent] = field(default_factory=list)

    def see(self) -> None:
        """The session was seen now. What arrives late makes it neither younger nor older."""
        session = self.session
        seen = max(session.last_seen_at, self.now)
        self.session = replace(
            session,
            version=session.version + 1,
            last_seen_at=seen,
            expires_at=min(seen + self.policy.idle, session.absolute_expires_at),
        )

    def start(self, locale: str | None, entry: str) -> None:
        """The session begins."""
        session = self.session
        self._tell(
            "guest.session.started",
            {
                **self._envelope(),
                "locale": locale,
                "expires_at": session.expires_at,
                "absolute_expires_at": session.absolute_expires_at,
                "entry": entry,
            },
        )

    def keep_contact(self, contact: Contact) -> None:
        """The session gets this contact, and with it the guest whom it names."""
        session = self.session
        self.session = replace(
            session,
            guest_id=self.guest.guest_id,
            email_hash=contact["email_hash"] or session.email_hash,
            phone_hash=contact["phone_hash"] or session.phone_hash,
        )

    def capture_contact(self, contact: Contact, consents: list[Consent]) -> None:
        """The shopper gave this contact: one event for each of e-mail and phone that is new here."""
        before = self.session
        self.keep_contact(contact)
        previous = before.guest_id if before.guest_id != self.guest.guest_id else None
        if contact["email_hash"] is not None and contact["email_hash"] != before.email_hash:
            self._captured("EMAIL", contact["email_hash"], before.email_hash, contact, consents, previous)
            previous = None
        if contact["phone_hash"] is not None and contact["phone_hash"] != before.phone_hash:
            self._captured("PHONE", contact["phone_hash"], before.phone_hash, contact, consents, previous)

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
        self.session = replace(self.session, checkout_id=self.checkout_id or self.session.checkout_id)
        self.reach(SessionStatus.CHECKOUT)
        self._tell("guest.checkout.started", {**self._envelope(), "line_count": line_count, "total": total})

    def update(self, step: str, line_count: int | None, total: Money | None) -> None:
        """The checkout went a step on, or its cart changed."""
        self._tell(
            "guest.session.updated",
            {
                **self._envelope(),
                "session_version": self.session.version,
                "step": step,
                "line_count": line_count,
                "total": total,
                "expires_at": self.session.expires_at,
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
        session, guest, contact = self.session, self.guest, order["contact"]
        self.session = replace(
            session,
            order_ids=(*session.order_ids, order["order_id"]),
            checkout_id=session.checkout_id or self.checkout_id,
        )
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
                "first_order": guest.order_count == 0,
            },
        )
        placed_at = order["placed_at"]
        first = placed_at if guest.first_order_at is None else min(guest.first_order_at, placed_at)
        self.guest = replace(self.guest, order_count=guest.order_count + 1, first_order_at=first)

    def convert(self, customer_id: str, ineligible: Mapping[str, str]) -> None:
        """The shopper created an account from the session: it takes along what evidence E1 allows."""
        self.session = replace(self.session, customer_id=customer_id)
        self.reach(SessionStatus.CONVERTED)
        conversion_id = conversion.conversion_id(self.session, customer_id)
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
        merged, skipped = conversion.divided(self.session, ineligible)
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
                "undo_until": self.now + self.policy.undo_window,
            },
        )

    def reach(self, step: SessionStatus) -> None:
        """The session has come at least this far."""
        status = reached(self.session.status, step)
        if status is not self.session.status:
            self.session = replace(self.session, status=status)

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
        session = self.session
        checkout_id = self.checkout_id or session.checkout_id
        return {
            "guest_id": self.guest.guest_id,
            "guest_version": self.guest.version + 1,
            "session_id": session.session_id,
            "channel": session.channel,
            "source_account": session.source_account,
            "checkout_id": checkout_id,
            "occurred_at": self.occurred_at,
            "correlation_id": checkout_id or session.session_id,
            "policy_version": self.policy.version,
        }

    def _tell(self, name: str, record: GuestRecord) -> None:
        self.events.append(GuestEvent(name, record))
        self.guest = replace(self.guest, version=self.guest.version + 1)
