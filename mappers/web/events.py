"""The events of the web contract: an envelope in the body, and `data`."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Required, TypeAlias, get_args, get_type_hints

from pydantic import Field
from typing_extensions import TypedDict

from mappers.web.fields import (
    EVENT_ID_PATTERN,
    Amount,
    Count,
    Currency,
    Instant,
    PaymentMethod,
    Reference,
    SessionReference,
    ShortText,
    part,
)
from mappers.web.order_payload import Consent, Order


@part
class Event(TypedDict, total=False):
    """What every event says about itself."""

    event_id: Required[Annotated[str, Field(pattern=EVENT_ID_PATTERN, examples=["01JDF3K9Q2V7X8M4N5P6R7S8T9"])]]
    """A UUID or ULID, new for every event; the same when the same event is sent again."""
    schema_version: Required[Literal["1"]]
    """The version of this contract."""
    occurred_at: Required[Instant]
    """When it happened, not when it was sent."""
    store: Required[Annotated[Reference, Field(examples=["store-be"])]]
    """The store or site: order and session ids are unique within it."""
    session_id: SessionReference | None
    """The guest's session in the storefront: an opaque id, never the session's secret. Required for
    everything before an order, for account.created, and on every event of a guest's order."""


@part
class Cart(TypedDict, total=False):
    """What is in the cart."""

    currency: Required[Currency]
    """Currency of the total."""
    total: Required[Amount]
    """What the buyer would pay now."""
    line_count: Required[Count]
    """Number of lines."""


@part
class Checkout(TypedDict, total=False):
    """A checkout as it stands."""

    checkout_id: Required[Reference]
    """Unique within the store; the order it becomes carries it too."""
    customer_id: Reference | None
    """The account of a logged-in member; left out for guests."""
    cart: Cart | None
    """What is in the cart."""
    step: Annotated[ShortText, Field(examples=["contact", "delivery", "payment"])] | None
    """Where the buyer is."""
    locale: Annotated[ShortText, Field(examples=["nl-BE"])] | None
    """The buyer's language, as a BCP 47 tag."""


@part
class CapturedContact(TypedDict, total=False):
    """A contact the buyer typed. At least one of `email` and `phone` is required, and must be plausible."""

    checkout_id: Required[Reference]
    """The checkout it was typed in."""
    customer_id: Reference | None
    """The account of a logged-in member; left out for guests."""
    email: Annotated[ShortText, Field(examples=["ada@example.org"])] | None
    """The e-mail address as typed."""
    phone: Annotated[ShortText, Field(examples=["+32 470 12 34 56"])] | None
    """The phone number as typed, preferably with its country code."""
    relay: Annotated[bool, Field(json_schema_extra={"default": False})] | None
    """True for a forwarding address (hide-my-email) that does not identify the buyer."""
    consents: list[Consent] | None
    """What the buyer agreed to with it."""
    locale: ShortText | None
    """The buyer's language, as a BCP 47 tag."""


@part
class PaymentEntry(TypedDict, total=False):
    """A payment, told by itself."""

    payment_id: Required[Reference]
    """The same id that the order's `payments` will carry."""
    parent_payment_id: Reference | None
    """The authorization that this captures."""
    method: Required[PaymentMethod]
    """How the buyer pays."""
    gateway: ShortText | None
    """Payment service provider."""
    currency: Required[Currency]
    """Currency of the amount: the order's."""
    amount: Required[Amount]
    """Amount."""
    decline_class: Literal["insufficient_funds", "authentication", "expired", "fraud", "technical", "other"] | None
    """Why it failed."""
    reference: ShortText | None
    """The provider's reference. Never a card number."""


@part
class PaymentOfCheckout(TypedDict, total=False):
    """A payment of a checkout, or of its order once there is one."""

    checkout_id: Reference | None
    """The checkout. Required before there is an order."""
    order_id: Reference | None
    """The order it pays, once there is one."""
    customer_id: Reference | None
    """The account of a logged-in member; left out for guests."""
    payment: Required[PaymentEntry]
    """The payment."""


@part
class CreatedAccount(TypedDict, total=False):
    """An account that the guest of this session made."""

    customer_id: Required[Reference]
    """The new account."""
    checkout_id: Reference | None
    """The checkout before it, if any."""
    order_id: Reference | None
    """The order whose thank-you page it was made on, if any."""
    consents: list[Consent] | None
    """What the buyer agreed to; an account needs an explicit one."""
    locale: ShortText | None
    """The buyer's language, as a BCP 47 tag."""


@part
class OrderData(TypedDict, total=False):
    """What an order event carries."""

    order: Required[Order]
    """The whole order as it is now."""


@part
class CheckoutEvent(Event, total=False):
    """A guest starts a checkout, or changes it (cart, step, delivery)."""

    event_type: Required[Literal["checkout.started", "checkout.updated"]]
    """What happened."""
    data: Required[Checkout]
    """The checkout as it is now."""


@part
class ContactEvent(Event, total=False):
    """A guest gave an e-mail address, a phone number, or both."""

    event_type: Required[Literal["contact.captured"]]
    """What happened."""
    data: Required[CapturedContact]
    """The contact."""


@part
class PaymentEvent(Event, total=False):
    """A payment was tried, authorized, captured, or failed."""

    event_type: Required[Literal["payment.attempted", "payment.authorized", "payment.captured", "payment.failed"]]
    """What happened."""
    data: Required[PaymentOfCheckout]
    """The payment, and what it pays."""


@part
class AccountEvent(Event, total=False):
    """A guest made an account."""

    event_type: Required[Literal["account.created"]]
    """What happened."""
    data: Required[CreatedAccount]
    """The account."""


@part
class OrderEvent(Event, total=False):
    """An order was placed or changed. The name says why; the order says everything."""

    event_type: Required[
        Literal[
            "order.placed",
            "order.updated",
            "order.paid",
            "order.fulfilled",
            "order.cancelled",
            "order.refunded",
        ]
    ]
    """What happened."""
    data: Required[OrderData]
    """The order."""


AnyEvent: TypeAlias = CheckoutEvent | ContactEvent | PaymentEvent | AccountEvent | OrderEvent

MODELS: Final[tuple[Any, ...]] = get_args(AnyEvent)


def kinds(model: Any) -> tuple[str, ...]:
    """The event types that a model is for."""
    (literal,) = get_args(get_type_hints(model, include_extras=True)["event_type"])
    return get_args(literal)
