"""The order of the web contract: the whole order as the storefront sees it now, never a delta.

No status is sent: whoever writes a status next to the amounts and quantities it follows from will one day
contradict them. The order's statuses are derived (mappers/web/statuses.py).
"""

from __future__ import annotations

from typing import Annotated, Literal, Required

from pydantic import Field
from typing_extensions import TypedDict

from mappers.web.fields import (
    MOST_PARTS,
    RATE_PATTERN,
    Amount,
    Count,
    Currency,
    Instant,
    PartQuantity,
    PaymentMethod,
    Quantity,
    Reference,
    ShortText,
    Text,
    part,
)


@part
class Customer(TypedDict, total=False):
    """Who buys."""

    type: Required[Literal["guest", "member"]]
    """A guest has no account, or did not use it; a member was logged in."""
    customer_id: Reference | None
    """The account's id. Required for members; a guest has none, also when there is an account with the same contact."""
    loyalty_id: Reference | None
    """The number of a loyalty membership given at checkout."""


@part
class Contact(TypedDict, total=False):
    """How to reach the buyer about this order. At least one of `email` and `phone` is required."""

    email: Annotated[ShortText, Field(examples=["ada@example.org"])] | None
    """The e-mail address as the buyer typed it."""
    phone: Annotated[ShortText, Field(examples=["+32 470 12 34 56"])] | None
    """The phone number as the buyer typed it, preferably with its country code."""
    relay: Annotated[bool, Field(json_schema_extra={"default": False})] | None
    """True for a forwarding address (hide-my-email) that does not identify the buyer. Sent with every event: it stays
    true as long as the contact is the same."""
    verified_at: Instant | None
    """When the storefront had proof that the buyer controls this contact."""
    preferred: Literal["email", "phone"] | None
    """Where the buyer wants to be told about the order."""


@part
class Consent(TypedDict, total=False):
    """One answer to one question the buyer was asked."""

    purpose: Required[Annotated[ShortText, Field(examples=["marketing", "account", "transactional"])]]
    """What for."""
    channel: Annotated[ShortText, Field(examples=["email", "sms"])] | None
    """By which means, where the question was about one."""
    granted: Required[bool]
    """The answer."""
    at: Instant | None
    """When it was given."""
    text_version: ShortText | None
    """Which wording was shown."""
    source: Annotated[ShortText, Field(examples=["checkout"])] | None
    """Where it was asked."""


@part
class Address(TypedDict, total=False):
    """A postal address."""

    given_name: ShortText | None
    """Given name of the recipient."""
    family_name: ShortText | None
    """Family name of the recipient."""
    full_name: ShortText | None
    """The name in one piece, where the form does not part it."""
    company: ShortText | None
    """Company or organisation."""
    lines: Required[Annotated[list[ShortText], Field(max_length=4)]]
    """Street, number and whatever stands above the city; up to four lines."""
    city: ShortText | None
    """City or locality."""
    district: ShortText | None
    """Part of the city, where addresses need it."""
    region: Annotated[ShortText, Field(examples=["US-CA"])] | None
    """ISO 3166-2 code of the state or province."""
    postal_code: ShortText | None
    """Postal code as written in its country."""
    country: Required[
        Annotated[str, Field(json_schema_extra={"pattern": "^[A-Z]{2}$"}, max_length=64, examples=["BE"])]
    ]
    """ISO 3166-1 alpha-2 code."""
    phone: ShortText | None
    """Phone number for the carrier."""
    latitude: Annotated[ShortText, Field(examples=["50.8467"])] | None
    """Degrees north, as a decimal string."""
    longitude: Annotated[ShortText, Field(examples=["4.3525"])] | None
    """Degrees east, as a decimal string."""
    type: Annotated[ShortText, Field(examples=["home", "work", "pickup_point"])] | None
    """What kind of place it is."""


@part
class Discount(TypedDict, total=False):
    """An amount taken off."""

    code: ShortText | None
    """The code the buyer entered, if any."""
    title: ShortText | None
    """What the buyer sees."""
    amount: Required[Amount]
    """Amount taken off, positive."""


@part
class Tax(TypedDict, total=False):
    """One tax, of one jurisdiction."""

    title: Annotated[ShortText, Field(examples=["VAT"])] | None
    """What the buyer sees."""
    jurisdiction: Annotated[ShortText, Field(examples=["BE"])] | None
    """Who levies it."""
    rate: Annotated[str, Field(pattern=RATE_PATTERN, examples=["0.21"])] | None
    """Rate as a decimal fraction: 0.21 is 21 %."""
    amount: Required[Amount]
    """Amount of the tax."""
    remitter: Annotated[Literal["merchant", "marketplace"], Field(json_schema_extra={"default": "merchant"})] | None
    """Who pays it to the authority."""


@part
class Shipping(TypedDict, total=False):
    """One way of delivery that is charged for."""

    code: ShortText | None
    """The service's code."""
    title: ShortText | None
    """What the buyer sees."""
    price: Required[Amount]
    """Price before discounts."""
    discounted_price: Amount | None
    """Price after discounts; left out when there are none."""
    taxes: Annotated[list[Tax], Field(max_length=MOST_PARTS)] | None
    """Taxes on it."""


@part
class Option(TypedDict, total=False):
    """One property of the chosen variant."""

    name: Required[ShortText]
    """Such as `size`."""
    value: Required[ShortText]
    """Such as `M`."""


@part
class Line(TypedDict, total=False):
    """One thing ordered. Lines never disappear from an order: a removed line has all of it cancelled."""

    line_id: Required[Reference]
    """Unique within the order, and stable over all its events."""
    parent_line_id: Reference | None
    """The line this one belongs to (a bundle's part, a modifier): another line of the order, not one below it."""
    kind: (
        Annotated[
            Literal["good", "digital", "service", "fee", "modifier", "bundle_child", "gift_card"],
            Field(json_schema_extra={"default": "good"}),
        ]
        | None
    )
    """What kind of thing it is."""
    sku: ShortText | None
    """Stock keeping unit: what the warehouse calls it."""
    product_id: ShortText | None
    """The catalogue's product."""
    variant_id: ShortText | None
    """The catalogue's variant of it."""
    gtin: ShortText | None
    """GTIN, EAN, UPC or ISBN."""
    title: Required[ShortText]
    """What the buyer sees."""
    options: list[Option] | None
    """What the buyer chose."""
    unit_price: Required[Amount]
    """Price of one unit before discounts; with tax exactly if `prices_include_tax`."""
    quantity: Required[Quantity]
    """How much was ordered at placement, in steps of 10^-scale units: 150 at scale 2 is 1.50."""
    cancelled_quantity: Annotated[Count, Field(json_schema_extra={"default": 0})] | None
    """How much of `quantity` was cancelled before it was handed over."""
    unit: Annotated[ShortText, Field(examples=["piece", "kg"], json_schema_extra={"default": "piece"})] | None
    """What is counted."""
    scale: Annotated[int, Field(ge=0, le=6, json_schema_extra={"default": 0})] | None
    """Decimals in the quantities of this line; 0 for pieces."""
    discounts: Annotated[list[Discount], Field(max_length=MOST_PARTS)] | None
    """Discounts on this line, with its share of discounts on the whole order."""
    taxes: Annotated[list[Tax], Field(max_length=MOST_PARTS)] | None
    """Taxes on this line."""
    total: Required[Amount]
    """unit_price times quantity, less the discounts."""
    requires_shipping: Annotated[bool, Field(json_schema_extra={"default": True})] | None
    """False for what is not shipped."""


@part
class Totals(TypedDict, total=False):
    """The sums over all lines, as placed.

    items + shipping + fees + tip + (tax, unless prices include it) - discount = total. Cancelled units stay in these
    sums; a line that is added later raises them and `current_total`, and `total` stays.
    """

    items: Required[Amount]
    """The sum of unit_price times quantity over all lines, before discounts."""
    discount: Annotated[Amount, Field(json_schema_extra={"default": "0"})] | None
    """Everything taken off: the sum of the discounts of all lines, and of what shipping was lowered by."""
    shipping: Annotated[Amount, Field(json_schema_extra={"default": "0"})] | None
    """Shipping before discounts: the sum of the prices in `shipping`, where that is given."""
    tax: Annotated[Amount, Field(json_schema_extra={"default": "0"})] | None
    """All taxes, whether or not prices include them: the sum of the taxes of lines and shipping, and of `taxes`,
    where these are given."""
    fees: Annotated[Amount, Field(json_schema_extra={"default": "0"})] | None
    """Fees (gift wrap, service, small order)."""
    tip: Annotated[Amount, Field(json_schema_extra={"default": "0"})] | None
    """Tip."""
    total: Required[Amount]
    """What the buyer agreed to pay. It never changes after placement, and refunds do not change it."""
    current_total: Amount | None
    """What the order is worth after units were cancelled or lines added: the sum of the above, less the cancelled
    units' share of their lines' totals (and of their taxes, unless prices include them), and less what was taken back
    of shipping, fees and tip. Refunds do not change it. Left out when nothing was cancelled or added."""


@part
class Payment(TypedDict, total=False):
    """One movement of money towards the shop, with an id of its own: a capture names its authorization."""

    payment_id: Required[Reference]
    """Unique within the order."""
    parent_payment_id: Reference | None
    """The authorization that this captures or voids."""
    kind: Required[Literal["authorization", "capture", "sale", "void"]]
    """A sale authorizes and captures at once."""
    status: Required[Literal["pending", "succeeded", "failed", "cancelled"]]
    """How it went."""
    method: Required[PaymentMethod]
    """How the buyer pays. Gift cards and store credit are payments, not discounts."""
    gateway: ShortText | None
    """Payment service provider."""
    amount: Required[Amount]
    """Amount, in the order's currency."""
    at: Required[Instant]
    """When it happened."""
    updated_at: Instant | None
    """When this entry changed last; left out when it never did."""
    reference: ShortText | None
    """The provider's reference. Never a card number."""


@part
class FulfilledItem(TypedDict, total=False):
    """Part of a line."""

    line_id: Required[Reference]
    """The line."""
    quantity: Required[PartQuantity]
    """How much of it, at the line's scale."""


@part
class Tracking(TypedDict, total=False):
    """Where a parcel can be followed."""

    number: ShortText | None
    """The carrier's number."""
    url: Annotated[str, Field(max_length=2000)] | None
    """The page to open."""


@part
class Window(TypedDict, total=False):
    """A promised time; at least one end is known."""

    earliest: Instant | None
    """Not before."""
    latest: Instant | None
    """Not after."""


@part
class FulfilmentEvent(TypedDict, total=False):
    """Something that happened to a parcel."""

    type: Required[Annotated[ShortText, Field(examples=["picked", "handed_over", "out_for_delivery", "delivered"])]]
    """What."""
    at: Required[Instant]
    """When."""
    detail: ShortText | None
    """Anything worth telling the buyer."""


@part
class Fulfilment(TypedDict, total=False):
    """One parcel, pick-up or download."""

    fulfilment_id: Required[Reference]
    """Unique within the order."""
    type: (
        Annotated[
            Literal["ship", "pickup", "delivery", "digital", "dine_in"],
            Field(json_schema_extra={"default": "ship"}),
        ]
        | None
    )
    """How it reaches the buyer."""
    status: Required[
        Literal[
            "pending",
            "in_progress",
            "ready",
            "fulfilled",
            "delivered",
            "delivery_failed",
            "cancelled",
            "failed",
        ]
    ]
    """How far it is; `fulfilled` is handed over, `delivered` is received."""
    items: Required[list[FulfilledItem]]
    """What is in it."""
    carrier: ShortText | None
    """Carrier."""
    tracking: list[Tracking] | None
    """Where to follow it."""
    location_id: ShortText | None
    """The store or warehouse it comes from."""
    promised: Window | None
    """When it was promised."""
    events: list[FulfilmentEvent] | None
    """What happened to it so far."""
    created_at: Required[Instant]
    """When it came to be."""
    updated_at: Required[Instant]
    """When it changed last."""


@part
class RefundedLine(TypedDict, total=False):
    """The part of a refund that is for one line."""

    line_id: Required[Reference]
    """The line."""
    quantity: Annotated[Count, Field(json_schema_extra={"default": 0})] | None
    """How much of it, at the line's scale; 0 when only money goes back. No unit is paid back twice."""
    amount: Required[Amount]
    """How much money for it. The lines of a refund add up to no more than its amount."""
    returned: Annotated[bool, Field(json_schema_extra={"default": False})] | None
    """True when the goods came back."""


@part
class Refund(TypedDict, total=False):
    """Money or goods going back."""

    refund_id: Required[Reference]
    """Unique within the order."""
    kind: (
        Annotated[
            Literal["refund", "return", "credit", "exchange", "price_adjustment", "dispute"],
            Field(json_schema_extra={"default": "refund"}),
        ]
        | None
    )
    """What it is. Goods that come back before any money does are a `return` with the amount 0."""
    status: Required[Literal["pending", "completed", "failed", "cancelled"]]
    """How it went."""
    reason: ShortText | None
    """Why."""
    amount: Required[Amount]
    """Amount, positive, in the order's currency."""
    lines: list[RefundedLine] | None
    """What it is for; empty for a goodwill refund."""
    at: Required[Instant]
    """When it was decided."""
    updated_at: Instant | None
    """When it changed last; left out when it never did."""


@part
class Order(TypedDict, total=False):
    """The whole order as the storefront sees it now."""

    order_id: Required[Annotated[Reference, Field(examples=["ord_7Q2M9"])]]
    """The storefront's id, never reused."""
    number: ShortText | None
    """What the buyer sees."""
    version: Required[Annotated[int, Field(ge=1, le=2_147_483_647, examples=[1])]]
    """1 at placement, then one more with every change of this order: no gaps, no repeats."""
    checkout_id: Reference | None
    """The checkout it came from."""
    origin: (
        Annotated[
            Literal["web", "app", "kiosk", "phone", "agent", "admin", "subscription"],
            Field(json_schema_extra={"default": "web"}),
        ]
        | None
    )
    """Where the buyer was."""
    test: Annotated[bool, Field(json_schema_extra={"default": False})] | None
    """True for an order that nobody must act on."""
    gift: Annotated[bool, Field(json_schema_extra={"default": False})] | None
    """True when it goes to somebody else, without prices."""
    currency: Required[Currency]
    """Currency of every amount in this order."""
    prices_include_tax: Required[bool]
    """Whether prices and line totals have tax in them."""
    placed_at: Required[Instant]
    """When the buyer agreed."""
    updated_at: Instant | None
    """When it changed last; the event's `occurred_at` stands in."""
    confirmed_at: Instant | None
    """When the shop accepted it."""
    held_at: Instant | None
    """Since when it is on hold; left out again when the hold ends."""
    hold_reason: Annotated[ShortText, Field(examples=["fraud_review", "address_check"])] | None
    """Why it is on hold."""
    cancelled_at: Instant | None
    """When it was cancelled as a whole. Required for order.cancelled."""
    cancel_reason: Literal["customer", "inventory", "fraud", "declined", "staff", "other"] | None
    """Why it was cancelled."""
    cancel_note: Text | None
    """The reason in words."""
    closed_at: Instant | None
    """When the shop was done with it; left out again when re-opened."""
    customer: Required[Customer]
    """The buyer."""
    contact: Required[Contact]
    """How to reach the buyer."""
    consents: list[Consent] | None
    """What the buyer agreed to."""
    billing_address: Address | None
    """Where the invoice goes."""
    shipping_address: Address | None
    """Where the goods go. Required when a line is shipped."""
    totals: Required[Totals]
    """The sums."""
    lines: Required[Annotated[list[Line], Field(min_length=1, max_length=1000)]]
    """What was ordered."""
    discounts: Annotated[list[Discount], Field(max_length=MOST_PARTS)] | None
    """Discounts on the whole order, as entered, for display: lines carry their shares."""
    taxes: Annotated[list[Tax], Field(max_length=MOST_PARTS)] | None
    """Taxes of the whole order, summed by rate and jurisdiction."""
    shipping: list[Shipping] | None
    """What delivery was chosen."""
    payments: Annotated[list[Payment], Field(max_length=MOST_PARTS)] | None
    """Every movement of money so far. Required for order.paid, at least one, unless `total` is 0."""
    fulfilments: list[Fulfilment] | None
    """Every parcel, pick-up or download so far. Required for order.fulfilled, at least one."""
    refunds: Annotated[list[Refund], Field(max_length=MOST_PARTS)] | None
    """Everything that went back so far. Required for order.refunded, at least one."""
    locale: Annotated[ShortText, Field(examples=["nl-BE"])] | None
    """The buyer's language, as a BCP 47 tag."""
    note: Text | None
    """What the buyer wrote."""
    attribution: dict[str, str] | None
    """Campaign, referrer, experiment arm: whatever analytics needs."""
