"""The order of the web contract: the whole order as the storefront sees it now, never a delta.

No status is sent: whoever writes a status next to the amounts and quantities it follows from will one day
contradict them. The order's statuses are derived (mappers/web/statuses.py).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mappers.web.fields import (
    RATE_PATTERN,
    Amount,
    Count,
    Currency,
    Instant,
    Payload,
    PaymentMethod,
    Quantity,
    Reference,
    ShortText,
    Text,
)


class Customer(Payload):
    """Who buys."""

    type: Literal["guest", "member"]
    """A guest has no account, or did not use it; a member was logged in."""
    customer_id: Reference | None = None
    """The account's id. Required for members."""
    loyalty_id: Reference | None = None
    """The number of a loyalty membership given at checkout."""


class Contact(Payload):
    """How to reach the buyer about this order. At least one of `email` and `phone` is required."""

    email: ShortText | None = Field(default=None, examples=["ada@example.org"])
    """The e-mail address as the buyer typed it."""
    phone: ShortText | None = Field(default=None, examples=["+32 470 12 34 56"])
    """The phone number as the buyer typed it, preferably with its country code."""
    relay: bool = False
    """True for a forwarding address (hide-my-email) that does not identify the buyer."""
    verified_at: Instant | None = None
    """When the storefront had proof that the buyer controls this contact."""
    preferred: Literal["email", "phone"] | None = None
    """Where the buyer wants to be told about the order."""


class Consent(Payload):
    """One answer to one question the buyer was asked."""

    purpose: ShortText = Field(examples=["marketing", "account", "transactional"])
    """What for."""
    channel: ShortText | None = Field(default=None, examples=["email", "sms"])
    """By which means, where the question was about one."""
    granted: bool
    """The answer."""
    at: Instant | None = None
    """When it was given."""
    text_version: ShortText | None = None
    """Which wording was shown."""
    source: ShortText | None = Field(default=None, examples=["checkout"])
    """Where it was asked."""


class Address(Payload):
    """A postal address."""

    given_name: ShortText | None = None
    """Given name of the recipient."""
    family_name: ShortText | None = None
    """Family name of the recipient."""
    full_name: ShortText | None = None
    """The name in one piece, where the form does not part it."""
    company: ShortText | None = None
    """Company or organisation."""
    lines: list[ShortText] = Field(max_length=4)
    """Street, number and whatever stands above the city; up to four lines."""
    city: ShortText | None = None
    """City or locality."""
    district: ShortText | None = None
    """Part of the city, where addresses need it."""
    region: ShortText | None = Field(default=None, examples=["US-CA"])
    """ISO 3166-2 code of the state or province."""
    postal_code: ShortText | None = None
    """Postal code as written in its country."""
    country: str = Field(json_schema_extra={"pattern": "^[A-Z]{2}$"}, max_length=64, examples=["BE"])
    """ISO 3166-1 alpha-2 code."""
    phone: ShortText | None = None
    """Phone number for the carrier."""
    latitude: ShortText | None = Field(default=None, examples=["50.8467"])
    """Degrees north, as a decimal string."""
    longitude: ShortText | None = Field(default=None, examples=["4.3525"])
    """Degrees east, as a decimal string."""
    type: ShortText | None = Field(default=None, examples=["home", "work", "pickup_point"])
    """What kind of place it is."""


class Discount(Payload):
    """An amount taken off."""

    code: ShortText | None = None
    """The code the buyer entered, if any."""
    title: ShortText | None = None
    """What the buyer sees."""
    amount: Amount
    """Amount taken off, positive."""


class Tax(Payload):
    """One tax, of one jurisdiction."""

    title: ShortText | None = Field(default=None, examples=["VAT"])
    """What the buyer sees."""
    jurisdiction: ShortText | None = Field(default=None, examples=["BE"])
    """Who levies it."""
    rate: str | None = Field(default=None, pattern=RATE_PATTERN, examples=["0.21"])
    """Rate as a decimal fraction: 0.21 is 21 %."""
    amount: Amount
    """Amount of the tax."""
    remitter: Literal["merchant", "marketplace"] = "merchant"
    """Who pays it to the authority."""


class Shipping(Payload):
    """One way of delivery that is charged for."""

    code: ShortText | None = None
    """The service's code."""
    title: ShortText | None = None
    """What the buyer sees."""
    price: Amount
    """Price before discounts."""
    discounted_price: Amount | None = None
    """Price after discounts; left out when there are none."""
    taxes: list[Tax] = Field(default_factory=list)
    """Taxes on it."""


class Option(Payload):
    """One property of the chosen variant."""

    name: ShortText
    """Such as `size`."""
    value: ShortText
    """Such as `M`."""


class Line(Payload):
    """One thing ordered. Lines never disappear from an order: a removed line has all of it cancelled."""

    line_id: Reference
    """Unique within the order, and stable over all its events."""
    parent_line_id: Reference | None = None
    """The line this one belongs to (a bundle's part, a modifier)."""
    kind: Literal["good", "digital", "service", "fee", "modifier", "bundle_child", "gift_card"] = "good"
    """What kind of thing it is."""
    sku: ShortText | None = None
    """Stock keeping unit: what the warehouse calls it."""
    product_id: ShortText | None = None
    """The catalogue's product."""
    variant_id: ShortText | None = None
    """The catalogue's variant of it."""
    gtin: ShortText | None = None
    """GTIN, EAN, UPC or ISBN."""
    title: ShortText
    """What the buyer sees."""
    options: list[Option] = Field(default_factory=list)
    """What the buyer chose."""
    unit_price: Amount
    """Price of one unit before discounts; with tax exactly if `prices_include_tax`."""
    quantity: Quantity
    """How much was ordered at placement, in steps of 10^-scale units: 150 at scale 2 is 1.50."""
    cancelled_quantity: Count = 0
    """How much of `quantity` was cancelled before it was handed over."""
    unit: ShortText = Field(default="piece", examples=["piece", "kg"])
    """What is counted."""
    scale: int = Field(default=0, ge=0, le=6)
    """Decimals in the quantities of this line; 0 for pieces."""
    discounts: list[Discount] = Field(default_factory=list)
    """Discounts on this line, with its share of discounts on the whole order."""
    taxes: list[Tax] = Field(default_factory=list)
    """Taxes on this line."""
    total: Amount
    """unit_price times quantity, less the discounts."""
    requires_shipping: bool = True
    """False for what is not shipped."""


class Totals(Payload):
    """The sums, at placement.

    items + shipping + fees + tip + (tax, unless prices include it) - discount = total.
    """

    items: Amount
    """The sum of unit_price times quantity over all lines, before discounts."""
    discount: Amount = "0"
    """Everything taken off: the discounts of all lines, of shipping, and of the order."""
    shipping: Amount = "0"
    """Shipping before discounts."""
    tax: Amount = "0"
    """All taxes, whether or not prices include them."""
    fees: Amount = "0"
    """Fees (gift wrap, service, small order)."""
    tip: Amount = "0"
    """Tip."""
    total: Amount
    """What the buyer agreed to pay. It never changes after placement, and refunds do not change it."""
    current_total: Amount | None = None
    """What the order is worth after lines were cancelled or edited; left out when nothing was."""


class Payment(Payload):
    """One movement of money towards the shop, with an id of its own: a capture names its authorization."""

    payment_id: Reference
    """Unique within the order."""
    parent_payment_id: Reference | None = None
    """The authorization that this captures or voids."""
    kind: Literal["authorization", "capture", "sale", "void"]
    """A sale authorizes and captures at once."""
    status: Literal["pending", "succeeded", "failed", "cancelled"]
    """How it went."""
    method: PaymentMethod
    """How the buyer pays. Gift cards and store credit are payments, not discounts."""
    gateway: ShortText | None = None
    """Payment service provider."""
    amount: Amount
    """Amount, in the order's currency."""
    at: Instant
    """When it happened."""
    updated_at: Instant | None = None
    """When this entry changed last; left out when it never did."""
    reference: ShortText | None = None
    """The provider's reference. Never a card number."""


class FulfilledItem(Payload):
    """Part of a line."""

    line_id: Reference
    """The line."""
    quantity: Quantity
    """How much of it, at the line's scale."""


class Tracking(Payload):
    """Where a parcel can be followed."""

    number: ShortText | None = None
    """The carrier's number."""
    url: Annotated[str, Field(max_length=2000)] | None = None
    """The page to open."""


class Window(Payload):
    """A promised time; at least one end is known."""

    earliest: Instant | None = None
    """Not before."""
    latest: Instant | None = None
    """Not after."""


class FulfilmentEvent(Payload):
    """Something that happened to a parcel."""

    type: ShortText = Field(examples=["picked", "handed_over", "out_for_delivery", "delivered"])
    """What."""
    at: Instant
    """When."""
    detail: ShortText | None = None
    """Anything worth telling the buyer."""


class Fulfilment(Payload):
    """One parcel, pick-up or download."""

    fulfilment_id: Reference
    """Unique within the order."""
    type: Literal["ship", "pickup", "delivery", "digital", "dine_in"] = "ship"
    """How it reaches the buyer."""
    status: Literal[
        "pending", "in_progress", "ready", "fulfilled", "delivered", "delivery_failed", "cancelled", "failed"
    ]
    """How far it is; `fulfilled` is handed over, `delivered` is received."""
    items: list[FulfilledItem]
    """What is in it."""
    carrier: ShortText | None = None
    """Carrier."""
    tracking: list[Tracking] = Field(default_factory=list)
    """Where to follow it."""
    location_id: ShortText | None = None
    """The store or warehouse it comes from."""
    promised: Window | None = None
    """When it was promised."""
    events: list[FulfilmentEvent] = Field(default_factory=list)
    """What happened to it so far."""
    created_at: Instant
    """When it came to be."""
    updated_at: Instant
    """When it changed last."""


class RefundedLine(Payload):
    """The part of a refund that is for one line."""

    line_id: Reference
    """The line."""
    quantity: Count = 0
    """How much of it, at the line's scale; 0 when only money goes back."""
    amount: Amount
    """How much money for it."""
    returned: bool = False
    """True when the goods came back."""


class Refund(Payload):
    """Money or goods going back."""

    refund_id: Reference
    """Unique within the order."""
    kind: Literal["refund", "return", "credit", "exchange", "price_adjustment", "dispute"] = "refund"
    """What it is. Goods that come back before any money does are a `return` with the amount 0."""
    status: Literal["pending", "completed", "failed", "cancelled"]
    """How it went."""
    reason: ShortText | None = None
    """Why."""
    amount: Amount
    """Amount, positive, in the order's currency."""
    lines: list[RefundedLine] = Field(default_factory=list)
    """What it is for; empty for a goodwill refund."""
    at: Instant
    """When it was decided."""
    updated_at: Instant | None = None
    """When it changed last; left out when it never did."""


class Order(Payload):
    """The whole order as the storefront sees it now."""

    order_id: Reference = Field(examples=["ord_7Q2M9"])
    """The storefront's id, never reused. Also the Kafka key."""
    number: ShortText | None = None
    """What the buyer sees."""
    version: int = Field(ge=1, le=2_147_483_647, examples=[1])
    """1 at placement, then one more with every change of this order: no gaps, no repeats."""
    checkout_id: Reference | None = None
    """The checkout it came from."""
    origin: Literal["web", "app", "kiosk", "phone", "agent", "admin", "subscription"] = "web"
    """Where the buyer was."""
    test: bool = False
    """True for an order that nobody must act on."""
    gift: bool = False
    """True when it goes to somebody else, without prices."""
    currency: Currency
    """Currency of every amount in this order."""
    prices_include_tax: bool
    """Whether prices and line totals have tax in them."""
    placed_at: Instant
    """When the buyer agreed."""
    updated_at: Instant | None = None
    """When it changed last; the event's `occurred_at` stands in."""
    confirmed_at: Instant | None = None
    """When the shop accepted it."""
    held_at: Instant | None = None
    """Since when it is on hold; left out again when the hold ends."""
    hold_reason: ShortText | None = Field(default=None, examples=["fraud_review", "address_check"])
    """Why it is on hold."""
    cancelled_at: Instant | None = None
    """When it was cancelled as a whole."""
    cancel_reason: Literal["customer", "inventory", "fraud", "declined", "staff", "other"] | None = None
    """Why it was cancelled."""
    cancel_note: Text | None = None
    """The reason in words."""
    closed_at: Instant | None = None
    """When the shop was done with it; left out again when re-opened."""
    customer: Customer
    """The buyer."""
    contact: Contact
    """How to reach the buyer."""
    consents: list[Consent] = Field(default_factory=list)
    """What the buyer agreed to."""
    billing_address: Address | None = None
    """Where the invoice goes."""
    shipping_address: Address | None = None
    """Where the goods go. Required when a line is shipped."""
    totals: Totals
    """The sums."""
    lines: list[Line] = Field(min_length=1, max_length=1000)
    """What was ordered."""
    discounts: list[Discount] = Field(default_factory=list)
    """Discounts on the whole order, as entered, for display: lines carry their shares."""
    taxes: list[Tax] = Field(default_factory=list)
    """Taxes of the whole order, summed by rate and jurisdiction."""
    shipping: list[Shipping] = Field(default_factory=list)
    """What delivery was chosen."""
    payments: list[Payment] = Field(default_factory=list)
    """Every movement of money so far."""
    fulfilments: list[Fulfilment] = Field(default_factory=list)
    """Every parcel so far."""
    refunds: list[Refund] = Field(default_factory=list)
    """Everything that went back so far."""
    locale: ShortText | None = Field(default=None, examples=["nl-BE"])
    """The buyer's language, as a BCP 47 tag."""
    note: Text | None = None
    """What the buyer wrote."""
    attribution: dict[str, str] = Field(default_factory=dict)
    """Campaign, referrer, experiment arm: whatever analytics needs."""
