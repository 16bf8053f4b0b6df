"""Shopify's REST bodies as far as they are mapped, in Shopify's own names.

Source: https://shopify.dev/docs/api/admin-rest/latest/resources/order, …/refund, …/fulfillment,
…/transaction. Webhook bodies are the same resources (https://shopify.dev/docs/api/webhooks). Fields not
named here are ignored by validation; the ones Shopify does not document are counted (see unknown_fields.py).
Plain amounts are in the shop's currency; a `…_set` repeats them in the shop's and the buyer's (presentment).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Final, Required

from pydantic import Field, PlainValidator, StringConstraints, TypeAdapter
from typing_extensions import TypedDict

from schemas import instants

_parse = lru_cache(maxsize=8192)(instants.parse)


def _instant(value: object) -> int | None:
    if value is None or value == "":
        return None
    if type(value) is not str:
        raise ValueError("expected an ISO 8601 instant as text")
    return _parse(value)


Id = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,19}$"), Field(coerce_numbers_to_str=True)]
"""A JSON integer or its digits. A float has lost digits (ids exceed 2^53) and is refused."""

Ref = Annotated[str, StringConstraints(pattern=r"^[0-9]{0,20}$"), Field(coerce_numbers_to_str=True)]
"""An id of something else; integrators write "" or 0 for none."""

Amount = Annotated[
    str,
    StringConstraints(pattern=r"^(-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?)?$"),
    Field(coerce_numbers_to_str=True),
]
"""A decimal text or a JSON number; empty text is a missing amount."""

Text = Annotated[str, Field(coerce_numbers_to_str=True)]
Instant = Annotated[int | None, PlainValidator(_instant)]
Count = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
Balance = Annotated[int, Field(strict=True, ge=-(2**31), le=2**31 - 1)]
"""A count that Shopify works out by subtraction: below zero in some orders."""


class Money(TypedDict, total=False):
    """One side of a money pair."""

    amount: Required[Amount]
    currency_code: Required[str]


class MoneySet(TypedDict, total=False):
    """The same amount in the shop's currency and in the one shown to the buyer."""

    shop_money: Required[Money]
    presentment_money: Money | None


class Address(TypedDict, total=False):
    """A billing or shipping address."""

    first_name: Text | None
    last_name: Text | None
    name: Text | None
    company: Text | None
    address1: Text | None
    address2: Text | None
    city: Text | None
    zip: Text | None
    province: Text | None
    province_code: Text | None
    country: Text | None
    country_code: Text | None
    phone: Text | None
    latitude: Text | None
    longitude: Text | None


class MarketingConsent(TypedDict, total=False):
    """A customer's consent to marketing by e-mail or text message."""

    state: Text | None
    consent_updated_at: Instant


class Customer(TypedDict, total=False):
    """The customer record; `state` tells whether it is an account (`enabled`)."""

    id: Ref | None
    email: Text | None
    phone: Text | None
    state: Text | None
    email_marketing_consent: MarketingConsent | None
    sms_marketing_consent: MarketingConsent | None


class PurchasingCompany(TypedDict, total=False):
    """The company a B2B order is bought for, and which of its locations."""

    id: Ref | None
    location_id: Ref | None


class TaxLine(TypedDict, total=False):
    """One tax on a line, on shipping, or summed over the order."""

    title: Text | None
    price: Required[Amount]
    rate: Text | None
    channel_liable: bool | None


class Duty(TypedDict, total=False):
    """Customs duty on a line, and the taxes on that."""

    tax_lines: list[TaxLine] | None


class DiscountAllocation(TypedDict, total=False):
    """The part of a discount application that fell on this line."""

    amount: Required[Amount]
    discount_application_index: Count | None


class DiscountApplication(TypedDict, total=False):
    """Why there was a discount: a code, an automatic one, a manual one or a script."""

    type: Text | None
    code: Text | None
    title: Text | None


class DiscountCode(TypedDict, total=False):
    """A code and the amount that Shopify says it took off."""

    code: Text | None
    amount: Amount | None


class LineItem(TypedDict, total=False):
    """One position of an order."""

    id: Required[Id]
    title: Text | None
    name: Text | None
    variant_title: Text | None
    sku: Text | None
    product_id: Ref | None
    variant_id: Ref | None
    price: Required[Amount]
    quantity: Required[Count]
    current_quantity: Count | None
    fulfillable_quantity: Balance | None
    total_discount: Amount | None
    discount_allocations: list[DiscountAllocation] | None
    tax_lines: list[TaxLine] | None
    duties: list[Duty] | None
    requires_shipping: bool | None
    gift_card: bool | None
    fulfillment_status: Text | None
    properties: Any
    tip_payment_gateway: Text | None
    tip_payment_method: Text | None


class ShippingLine(TypedDict, total=False):
    """How it is sent, and what that costs."""

    code: Text | None
    title: Text | None
    price: Required[Amount]
    discounted_price: Amount | None
    is_removed: bool | None
    discount_allocations: list[DiscountAllocation] | None
    tax_lines: list[TaxLine] | None


class PaymentDetails(TypedDict, total=False):
    """Of a card, only its company is read."""

    credit_card_company: Text | None


class Transaction(TypedDict, total=False):
    """One movement of money at a gateway."""

    id: Required[Id]
    order_id: Id | None
    kind: Text | None
    status: Text | None
    test: bool | None
    gateway: Text | None
    amount: Amount | None
    currency: Text | None
    created_at: Instant
    processed_at: Instant
    parent_id: Ref | None
    authorization: Text | None
    payment_id: Text | None
    payment_details: PaymentDetails | None


class RefundedItem(TypedDict, total=False):
    """The line item as repeated inside a refund."""

    id: Id | None
    price: Amount | None
    price_set: MoneySet | None
    quantity: Count | None
    total_discount: Amount | None
    discount_allocations: list[DiscountAllocation] | None
    tip_payment_gateway: Text | None
    tip_payment_method: Text | None


class RefundLineItem(TypedDict, total=False):
    """How many of a line were refunded, and what became of the goods."""

    line_item_id: Id | None
    quantity: Required[Count]
    restock_type: Text | None
    subtotal: Amount | None
    subtotal_set: MoneySet | None
    total_tax_set: MoneySet | None
    line_item: RefundedItem | None


class OrderAdjustment(TypedDict, total=False):
    """Why a refund's money differs from its lines: shipping, or a discrepancy."""

    kind: Text | None
    reason: Text | None
    amount_set: MoneySet | None


class RefundShippingLine(TypedDict, total=False):
    """Shipping paid back."""

    subtotal_amount_set: MoneySet | None


class Refund(TypedDict, total=False):
    """Money returned, goods returned, or items cancelled: any of the three."""

    id: Required[Id]
    order_id: Id | None
    created_at: Instant
    processed_at: Instant
    note: Text | None
    restock: bool | None
    refund_line_items: list[RefundLineItem] | None
    order_adjustments: list[OrderAdjustment] | None
    refund_shipping_lines: list[RefundShippingLine] | None
    total_duties_set: MoneySet | None
    transactions: list[Transaction] | None


class FulfilledItem(TypedDict, total=False):
    """A line item inside a fulfilment: `quantity` is how many of it were in this shipment."""

    id: Required[Id]
    quantity: Required[Count]
    requires_shipping: bool | None


class Fulfillment(TypedDict, total=False):
    """One shipment."""

    id: Required[Id]
    order_id: Id | None
    status: Text | None
    shipment_status: Text | None
    service: Text | None
    location_id: Ref | None
    tracking_company: Text | None
    tracking_number: Text | None
    tracking_numbers: list[Text | None] | None
    tracking_url: Text | None
    tracking_urls: list[Text | None] | None
    created_at: Instant
    updated_at: Instant
    estimated_delivery_at: Instant
    line_items: list[FulfilledItem] | None


class Order(TypedDict, total=False):
    """An order, whole, as Shopify sees it now."""

    id: Required[Id]
    name: Text | None
    order_number: Text | None
    created_at: Instant
    processed_at: Instant
    updated_at: Instant
    cancelled_at: Instant
    closed_at: Instant
    cancel_reason: Text | None
    confirmed: bool | None
    test: bool | None
    financial_status: Text | None
    fulfillment_status: Text | None

    email: Text | None
    contact_email: Text | None
    phone: Text | None
    buyer_accepts_marketing: bool | None
    customer: Customer | None
    company: PurchasingCompany | None
    customer_locale: Text | None
    billing_address: Address | None
    shipping_address: Address | None

    currency: Required[str]
    presentment_currency: Text | None
    taxes_included: bool | None
    total_price: Required[Amount]
    total_price_set: MoneySet | None
    current_total_price: Amount | None
    total_tax: Amount | None
    total_discounts: Amount | None
    total_tip_received: Amount | None
    total_outstanding: Amount | None
    duties_included: bool | None
    original_total_duties_set: MoneySet | None
    original_total_additional_fees_set: MoneySet | None
    line_items: list[LineItem] | None
    shipping_lines: list[ShippingLine] | None
    tax_lines: list[TaxLine] | None
    discount_codes: list[DiscountCode] | None
    discount_applications: list[DiscountApplication] | None
    payment_gateway_names: list[Text] | None
    payment_terms: Any
    transactions: list[Transaction] | None
    refunds: list[Refund] | None
    fulfillments: list[Fulfillment] | None

    checkout_id: Ref | None
    checkout_token: Text | None
    cart_token: Text | None
    source_name: Text | None
    source_identifier: Text | None
    reference: Text | None
    confirmation_number: Text | None
    po_number: Text | None
    app_id: Ref | None
    location_id: Ref | None
    landing_site: Text | None
    landing_site_ref: Text | None
    referring_site: Text | None
    note: Text | None


ORDER: Final = TypeAdapter(Order)
REFUND: Final = TypeAdapter(Refund)
FULFILLMENT: Final = TypeAdapter(Fulfillment)
TRANSACTION: Final = TypeAdapter(Transaction)
