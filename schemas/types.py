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


class AxisChange(TypedDict):
    axis: str
    before: str | None
    after: str
    verdict: str


class OrderChange(TypedDict):
    change_id: str
    order_id: str
    canonical_version: int
    source: str
    source_account: str
    source_order_id: str
    event_kind: str | None
    kind: Literal["UNKNOWN", "SNAPSHOT", "PARTIAL"]
    flags: list[str]
    changes: list[AxisChange]
    total_before: Money | None
    total_after: Money
    refunded_before: Money | None
    refunded_after: Money
    changed_fields: list[str]
    occurred_at: int
    recorded_at: int
    lineage: Lineage


class GuestEnvelope(TypedDict):
    guest_id: str
    guest_version: int
    session_id: str | None
    channel: str
    source_account: str
    checkout_id: str | None
    occurred_at: int
    correlation_id: str | None
    policy_version: str


class GuestSessionStarted(GuestEnvelope):
    locale: str | None
    expires_at: int
    absolute_expires_at: int
    entry: str | None


class GuestContactCaptured(GuestEnvelope):
    kind: Literal["UNKNOWN", "EMAIL", "PHONE"]
    contact_hash: str | None
    valid: bool
    relay: bool
    is_correction: bool
    previous_guest_id: str | None
    consents: list[Consent]


class GuestCheckoutStarted(GuestEnvelope):
    line_count: int | None
    total: Money | None


class GuestSessionUpdated(GuestEnvelope):
    session_version: int
    step: str
    line_count: int | None
    total: Money | None
    expires_at: int


class GuestPaymentAttempted(GuestEnvelope):
    method: str | None
    amount: Money | None


class GuestPaymentFailed(GuestEnvelope):
    method: str | None
    amount: Money | None
    decline_class: str | None


class GuestOrderPlaced(GuestEnvelope):
    order_id: str
    order_number: str | None
    total: Money
    contact_hashes: list[str]
    tracking_token_id: str | None
    first_order: bool


class GuestConversionCompleted(GuestEnvelope):
    conversion_id: str
    customer_id: str
    created: bool
    assurance: Assurance


class MergedOrder(TypedDict):
    order_id: str
    prev_owner: str | None
    cutoff_ok: bool


class SkippedOrder(TypedDict):
    order_id: str
    reason: str


class GuestOrdersMerged(GuestEnvelope):
    merge_id: str
    conversion_id: str
    customer_id: str
    merged: list[MergedOrder]
    skipped: list[SkippedOrder]
    digest: str
    undo_until: int


class QualityFinding(TypedDict):
    finding_id: str
    rule_id: str
    field: str
    severity: str
    dimension: str
    owner: str
    action: str
    message: str
    channel: str
    source_account: str | None
    order_id: str | None
    event_kind: str | None
    outcome: str
    contract: str
    ruleset_version: str
    recorded_at: int
    raw_topic: str
    raw_partition: int
    raw_offset: int


class QuarantineReason(TypedDict):
    rule_id: str
    field: str
    severity: str
    owner: str
    message: str


class RawHeader(TypedDict):
    name: str
    value: bytes | None


class QuarantineRecord(TypedDict):
    raw_topic: str
    raw_partition: int
    raw_offset: int
    raw_timestamp: int
    raw_timestamp_type: str
    key: bytes | None
    value: bytes | None
    headers: list[RawHeader]
    channel: str
    event_kind: str | None
    order_id: str | None
    stage: str
    reasons: list[QuarantineReason]
    recorded_at: int
    mapper_version: str
    ruleset_version: str
