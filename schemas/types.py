"""Generated from schemas/avro/*.avsc: do not edit. Instants are microseconds since the epoch, UTC."""

from __future__ import annotations

from typing import Literal, TypedDict

OrderStatus = Literal["UNKNOWN", "PENDING", "ON_HOLD", "CONFIRMED", "PROCESSING", "COMPLETED", "CANCELLED", "REJECTED", "EXPIRED", "CLOSED"]
PaymentStatus = Literal["UNKNOWN", "UNPAID", "PENDING", "PARTIALLY_AUTHORIZED", "AUTHORIZED", "PARTIALLY_PAID", "PAID", "OVERPAID", "PARTIALLY_REFUNDED", "REFUNDED", "VOIDED", "FAILED", "EXPIRED", "EXTERNALLY_SETTLED"]
FulfilmentStatus = Literal["UNKNOWN", "UNFULFILLED", "SCHEDULED", "ON_HOLD", "BACKORDERED", "IN_PROGRESS", "READY", "PARTIALLY_FULFILLED", "FULFILLED", "PARTIALLY_DELIVERED", "DELIVERED", "DELIVERY_FAILED", "PARTIALLY_RETURNED", "RETURNED", "CANCELLED", "NOT_REQUIRED"]
StatusBasis = Literal["UNKNOWN", "DERIVED", "MAPPED", "MIXED"]
OriginChannel = Literal["UNKNOWN", "WEB", "APP", "POS", "MARKETPLACE", "AGENT", "KIOSK", "PHONE", "SUBSCRIPTION", "ADMIN"]
CustomerKind = Literal["UNKNOWN", "GUEST", "MEMBER", "BUSINESS", "RELAY", "ANONYMOUS"]
Assurance = Literal["UNKNOWN", "E0", "E1", "E2", "E3", "E4"]
PlacedAtBasis = Literal["UNKNOWN", "SOURCE", "EVENT"]
LineKind = Literal["UNKNOWN", "GOOD", "DIGITAL", "SERVICE", "FEE", "MODIFIER", "BUNDLE_CHILD", "GIFT_CARD"]
LineStatus = Literal["UNKNOWN", "PROCESSING", "PARTIAL", "FULFILLED", "DELIVERED", "RETURNED", "REMOVED"]
PaymentKind = Literal["UNKNOWN", "AUTHORIZATION", "CAPTURE", "SALE", "REFUND", "VOID", "CHARGEBACK"]
PaymentMethod = Literal["UNKNOWN", "CARD", "WALLET", "BANK_TRANSFER", "DIRECT_DEBIT", "CASH", "CASH_ON_DELIVERY", "GIFT_CARD", "PAY_LATER", "STORE_CREDIT", "MANUAL", "OTHER"]
PaymentState = Literal["UNKNOWN", "PENDING", "SUCCEEDED", "FAILED", "CANCELLED"]
FulfilmentType = Literal["UNKNOWN", "SHIP", "PICKUP", "DELIVERY", "DIGITAL", "DINE_IN"]
FulfilmentState = Literal["UNKNOWN", "PENDING", "IN_PROGRESS", "READY", "FULFILLED", "DELIVERED", "DELIVERY_FAILED", "CANCELLED", "FAILED"]
AdjustmentKind = Literal["UNKNOWN", "REFUND", "RETURN", "CREDIT", "EXCHANGE", "PRICE_ADJUSTMENT", "CANCELLATION", "DISPUTE"]
AdjustmentState = Literal["UNKNOWN", "PENDING", "COMPLETED", "FAILED", "CANCELLED"]
TaxRemitter = Literal["UNKNOWN", "MERCHANT", "MARKETPLACE"]
Disposition = Literal["UNKNOWN", "PASS", "WARN", "QUARANTINE"]


class Money(TypedDict):
    amount_minor: int
    currency: str
    exponent: int


class Alias(TypedDict):
    kind: str
    value: str


class Customer(TypedDict):
    kind: CustomerKind
    customer_id: str | None
    guest_id: str | None
    assurance: Assurance
    loyalty_ref: str | None


class Contact(TypedDict):
    email_raw: str | None
    email_norm: str | None
    email_hash: str | None
    phone_raw: str | None
    phone_e164: str | None
    phone_hash: str | None
    relay: bool
    verified_at: int | None
    preferred_channel: str | None


class Consent(TypedDict):
    purpose: str
    channel: str | None
    granted: bool
    at: int | None
    text_version: str | None
    source: str | None


class Address(TypedDict):
    given_name: str | None
    family_name: str | None
    full_name: str | None
    company: str | None
    lines: list[str]
    city: str | None
    district: str | None
    region: str | None
    postal_code: str | None
    country: str | None
    phone: str | None
    latitude: str | None
    longitude: str | None
    type: str | None
    unparsed: str | None


class Discount(TypedDict):
    code: str | None
    title: str | None
    amount: Money


class TaxLine(TypedDict):
    jurisdiction: str | None
    title: str | None
    rate: str | None
    amount: Money
    remitter: TaxRemitter


class ShippingLine(TypedDict):
    code: str | None
    title: str | None
    price: Money
    discounted_price: Money
    taxes: list[TaxLine]


class Totals(TypedDict):
    items_gross: Money
    discount: Money
    shipping: Money
    tax: Money
    fees: Money
    tip: Money
    gift_card: Money
    total_original: Money
    total_current: Money
    authorised: Money | None
    captured: Money | None
    refunded: Money
    net_due: Money | None


class Quantity(TypedDict):
    unit: str
    scale: int
    ordered: int
    current: int
    allocated: int
    fulfilled: int
    delivered: int
    returned: int
    cancelled: int


class Option(TypedDict):
    name: str
    value: str


class Line(TypedDict):
    line_id: str
    source_line_id: str
    sku: str | None
    product_ref: str | None
    variant_ref: str | None
    gtin: str | None
    title: str | None
    kind: LineKind
    parent_line_id: str | None
    unit_price: Money
    quantity: Quantity
    discounts: list[Discount]
    discount_total: Money
    taxes: list[TaxLine]
    tax_total: Money
    total: Money
    requires_shipping: bool
    options: list[Option]
    line_status: LineStatus


class Payment(TypedDict):
    payment_id: str
    method: PaymentMethod
    gateway: str | None
    kind: PaymentKind
    status: PaymentState
    amount: Money
    at: int | None
    updated_at: int
    parent_payment_id: str | None
    external_ref: str | None


class ItemQuantity(TypedDict):
    line_id: str
    source_line_id: str
    quantity: int


class PromiseWindow(TypedDict):
    earliest: int | None
    latest: int | None


class FulfilmentEvent(TypedDict):
    type: str
    at: int | None
    detail: str | None


class Tracking(TypedDict):
    number: str | None
    url: str | None


class Fulfilment(TypedDict):
    fulfilment_id: str
    type: FulfilmentType
    status: FulfilmentState
    source_status: str | None
    carrier: str | None
    tracking: list[Tracking]
    location_ref: str | None
    items: list[ItemQuantity]
    promise: PromiseWindow | None
    events: list[FulfilmentEvent]
    created_at: int | None
    updated_at: int


class AdjustedLine(TypedDict):
    line_id: str
    source_line_id: str
    quantity: int
    returned: bool
    amount: Money


class Adjustment(TypedDict):
    adjustment_id: str
    kind: AdjustmentKind
    status: AdjustmentState
    reason: str | None
    lines: list[AdjustedLine]
    amount: Money
    at: int | None
    updated_at: int


class Promise(TypedDict):
    kind: str
    window: PromiseWindow | None
    detail: str | None


class QualityEntry(TypedDict):
    rule_id: str
    field: str
    severity: str
    owner: str
    verdict: str
    observed_hash: str | None


class Quality(TypedDict):
    score: int
    findings: list[QualityEntry]
    disposition: Disposition


class Lineage(TypedDict):
    raw_topic: str
    raw_partition: int
    raw_offset: int
    raw_event_id: str | None
    raw_hash: str
    mapper_run_id: str


class CanonicalOrder(TypedDict):
    order_id: str
    source: str
    source_account: str
    source_order_id: str
    source_order_number: str | None
    aliases: list[Alias]
    checkout_id: str | None
    origin_channel: OriginChannel
    sub_channel: str | None
    location_ref: str | None
    schema_version: str
    mapper_version: str
    ruleset_version: str
    source_version: str | None
    source_updated_at: int
    occurred_at: int
    ingested_at: int
    canonical_version: int
    content_hash: str
    order_status: OrderStatus
    payment_status: PaymentStatus
    fulfilment_status: FulfilmentStatus
    source_status: dict[str, str]
    status_basis: StatusBasis
    hold_reason: str | None
    hold_reason_text: str | None
    cancel_reason: str | None
    cancel_reason_text: str | None
    flags: list[str]
    placed_at: int
    placed_at_basis: PlacedAtBasis
    confirmed_at: int | None
    completed_at: int | None
    cancelled_at: int | None
    closed_at: int | None
    customer: Customer
    contact: Contact
    consents: list[Consent]
    billing_address: Address | None
    shipping_address: Address | None
    currency: str
    presentment_currency: str | None
    fx_rate: str | None
    totals: Totals
    prices_include_tax: bool
    tax_lines: list[TaxLine]
    discounts: list[Discount]
    shipping_lines: list[ShippingLine]
    lines: list[Line]
    payments: list[Payment]
    fulfilments: list[Fulfilment]
    adjustments: list[Adjustment]
    promises: list[Promise]
    attribution: dict[str, str]
    locale: str | None
    note: str | None
    quality: Quality
    lineage: Lineage
