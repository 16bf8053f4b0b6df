"""From the events beside orders to facts about a guest's session, and payments that join their order."""

from __future__ import annotations

from typing import Final

from mappers.candidate import CheckoutFact, CheckoutStep, EventContext, Ignored, Mapped, PartialChange
from mappers.web.canonical_order import SOURCE, map_consent
from mappers.web.events import AccountEvent, CheckoutEvent, ContactEvent, PaymentEvent
from mappers.web.movements import canonical_word
from schemas import identifiers, money
from schemas.types import Contact, Payment, PaymentKind

_MEMBER_CHECKOUT: Final = "the checkout of a logged-in member: no guest session is concerned"


def map_checkout(event: CheckoutEvent, context: EventContext) -> Mapped:
    """A checkout that started or changed."""
    checkout = event["data"]
    if checkout.get("customer_id"):
        return Ignored("member_checkout", _MEMBER_CHECKOUT)
    cart = checkout.get("cart")
    return CheckoutFact(
        step=CheckoutStep(event["event_type"]),
        channel=context.channel,
        source_account=event["store"],
        session_ref=event.get("session_id") or "",
        occurred_at=event["occurred_at"],
        checkout_id=checkout["checkout_id"],
        amount=None if cart is None else money.money(cart["total"], cart["currency"]),
        line_count=None if cart is None else cart["line_count"],
        locale=checkout.get("locale") or None,
    )


def map_contact(event: ContactEvent, context: EventContext) -> Mapped:
    """A contact that a guest typed."""
    captured = event["data"]
    if captured.get("customer_id"):
        return Ignored("member_checkout", _MEMBER_CHECKOUT)
    contact: Contact = {
        "email_raw": captured.get("email") or None,
        "email_norm": None,
        "email_hash": None,
        "phone_raw": captured.get("phone") or None,
        "phone_e164": None,
        "phone_hash": None,
        "relay": captured.get("relay") or False,
        "verified_at": None,
        "preferred_channel": None,
    }
    return CheckoutFact(
        step=CheckoutStep.CONTACT_CAPTURED,
        channel=context.channel,
        source_account=event["store"],
        session_ref=event.get("session_id") or "",
        occurred_at=event["occurred_at"],
        checkout_id=captured["checkout_id"],
        contact=contact,
        consents=[map_consent(consent) for consent in captured.get("consents") or ()],
        locale=captured.get("locale") or None,
    )


def map_account(event: AccountEvent, context: EventContext) -> Mapped:
    """An account that a guest made."""
    account = event["data"]
    return CheckoutFact(
        step=CheckoutStep.ACCOUNT_CREATED,
        channel=context.channel,
        source_account=event["store"],
        session_ref=event.get("session_id") or "",
        occurred_at=event["occurred_at"],
        checkout_id=account.get("checkout_id"),
        consents=[map_consent(consent) for consent in account.get("consents") or ()],
        customer_id=account["customer_id"],
        locale=account.get("locale") or None,
    )


def map_payment_event(event: PaymentEvent, context: EventContext) -> Mapped:
    """A payment of a checkout is a fact about the session; one that names its order joins the order."""
    paid = event["data"]
    order_id, session = paid.get("order_id"), event.get("session_id")
    if order_id and event["event_type"] != "payment.attempted":
        return PartialChange(
            order_id=identifiers.order_id(SOURCE, event["store"], order_id),
            source=SOURCE,
            source_account=event["store"],
            source_order_id=order_id,
            occurred_at=event["occurred_at"],
            payments=[_payment(event)],
        )
    if paid.get("customer_id"):
        return Ignored("member_checkout", _MEMBER_CHECKOUT)
    if not session:
        return Ignored("payment_attempt", "a mere attempt to pay an order: its outcome will be told")
    payment = paid["payment"]
    return CheckoutFact(
        step=CheckoutStep(event["event_type"]),
        channel=context.channel,
        source_account=event["store"],
        session_ref=session,
        occurred_at=event["occurred_at"],
        checkout_id=paid.get("checkout_id"),
        amount=money.money(payment["amount"], payment["currency"]),
        payment_method=payment["method"],
        decline_class=payment.get("decline_class"),
    )


def _payment(event: PaymentEvent) -> Payment:
    payment = event["data"]["payment"]
    kind: PaymentKind = "AUTHORIZATION"
    if event["event_type"] == "payment.captured":
        kind = "CAPTURE" if payment.get("parent_payment_id") else "SALE"
    return {
        "payment_id": payment["payment_id"],
        "method": canonical_word(payment["method"]),
        "gateway": payment.get("gateway") or None,
        "kind": kind,
        "status": "FAILED" if event["event_type"] == "payment.failed" else "SUCCEEDED",
        "amount": money.money(payment["amount"], payment["currency"]),
        "at": event["occurred_at"],
        "updated_at": event["occurred_at"],
        "parent_payment_id": payment.get("parent_payment_id"),
        "external_ref": payment.get("reference") or None,
    }
