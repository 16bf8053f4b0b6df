"""The events of the web contract: an envelope in the body, and `data`."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from mappers.web.fields import (
    EVENT_ID_PATTERN,
    Amount,
    Count,
    Currency,
    Instant,
    Payload,
    PaymentMethod,
    Reference,
    ShortText,
)
from mappers.web.order_payload import Consent, Order


class Event(Payload):
    """What every event says about itself."""

    event_id: str = Field(pattern=EVENT_ID_PATTERN, examples=["01JDF3K9Q2V7X8M4N5P6R7S8T9"])
    """A UUID or ULID, new for every event; the same when the same event is sent again."""
    schema_version: Literal["1"]
    """The version of this contract."""
    occurred_at: Instant
    """When it happened, not when it was sent."""
    store: Reference = Field(examples=["store-be"])
    """The store or site: order and session ids are unique within it."""
    session_id: Reference | None = None
    """The guest's session in the storefront: an opaque id, never the session's secret. Required for
    everything before an order, for account.created, and on every event of a guest's order."""


class Cart(Payload):
    """What is in the cart."""

    currency: Currency
    """Currency of the total."""
    total: Amount
    """What the buyer would pay now."""
    line_count: Count
    """Number of lines."""


class Checkout(Payload):
    """A checkout as it stands."""

    checkout_id: Reference
    """Unique within the store; the order it becomes carries it too."""
    customer_id: Reference | None = None
    """The account of a logged-in member; left out for guests."""
    cart: Cart | None = None
    """What is in the cart."""
    step: ShortText | None = Field(default=None, examples=["contact", "delivery", "payment"])
    """Where the buyer is."""
    locale: ShortText | None = Field(default=None, examples=["nl-BE"])
    """The buyer's language, as a BCP 47 tag."""


class CapturedContact(Payload):
    """A contact the buyer typed. At least one of `email` and `phone` is required, and must be plausible."""

    checkout_id: Reference
    """The checkout it was typed in."""
    customer_id: Reference | None = None
    """The account of a logged-in member; left out for guests."""
    email: ShortText | None = Field(default=None, examples=["ada@example.org"])
    """The e-mail address as typed."""
    phone: ShortText | None = Field(default=None, examples=["+32 470 12 34 56"])
    """The phone number as typed, preferably with its country code."""
    relay: bool = False
    """True for a forwarding address (hide-my-email) that does not identify the buyer."""
    consents: list[Consent] = Field(default_factory=list)
    """What the buyer agreed to with it."""
    locale: ShortText | None = None
    """The buyer's language, as a BCP 47 tag."""


class PaymentEntry(Payload):
    """A payment, told by itself."""

    payment_id: Reference
    """The same id that the order's `payments` will carry."""
    parent_payment_id: Reference | None = None
    """The authorization that this captures."""
    method: PaymentMethod
    """How the buyer pays."""
    gateway: ShortText | None = None
    """Payment service provider."""
    currency: Currency
    """Currency of the amount."""
    amount: Amount
    """Amount."""
    decline_class: (
        Literal["insufficient_funds", "authentication", "expired", "fraud", "technical", "other"] | None
    ) = None
    """Why it failed."""
    reference: ShortText | None = None
    """The provider's reference. Never a card number."""


class PaymentOfCheckout(Payload):
    """A payment of a checkout, or of its order once there is one."""

    checkout_id: Reference | None = None
    """The checkout. Required before there is an order."""
    order_id: Reference | None = None
    """The order it pays, once there is one."""
    customer_id: Reference | None = None
    """The account of a logged-in member; left out for guests."""
    payment: PaymentEntry
    """The payment."""


class CreatedAccount(Payload):
    """An account that the guest of this session made."""

    customer_id: Reference
    """The new account."""
    checkout_id: Reference | None = None
    """The checkout before it, if any."""
    order_id: Reference | None = None
    """The order whose thank-you page it was made on, if any."""
    consents: list[Consent] = Field(default_factory=list)
    """What the buyer agreed to; an account needs an explicit one."""
    locale: ShortText | None = None
    """The buyer's language, as a BCP 47 tag."""


class OrderData(Payload):
    """What an order event carries."""

    order: Order
    """The whole order as it is now."""


class CheckoutEvent(Event):
    """A guest starts a checkout, or changes it (cart, step, delivery)."""

    event_type: Literal["checkout.started", "checkout.updated"]
    """What happened."""
    data: Checkout
    """The checkout as it is now."""


class ContactEvent(Event):
    """A guest gave an e-mail address, a phone number, or both."""

    event_type: Literal["contact.captured"]
    """What happened."""
    data: CapturedContact
    """The contact."""


class PaymentEvent(Event):
    """A payment was tried, authorized, captured, or failed."""

    event_type: Literal["payment.attempted", "payment.authorized", "payment.captured", "payment.failed"]
    """What happened."""
    data: PaymentOfCheckout
    """The payment, and what it pays."""


class AccountEvent(Event):
    """A guest made an account."""

    event_type: Literal["account.created"]
    """What happened."""
    data: CreatedAccount
    """The account."""


class OrderEvent(Event):
    """An order was placed or changed. The name says why; the order says everything."""

    event_type: Literal[
        "order.placed",
        "order.updated",
        "order.paid",
        "order.fulfilled",
        "order.cancelled",
        "order.refunded",
    ]
    """What happened."""
    data: OrderData
    """The order."""


AnyEvent: TypeAlias = CheckoutEvent | ContactEvent | PaymentEvent | AccountEvent | OrderEvent
