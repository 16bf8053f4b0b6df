"""An order in the shape of Shopify's REST webhooks.

https://shopify.dev/docs/api/admin-rest/latest/resources/order
"""

from __future__ import annotations

from typing import Any, Final

from ingest.demo import moments
from ingest.demo.basket import Basket, Item
from ingest.demo.journey import Chance
from ingest.demo.world import Person, Shop

_IN_PARCELS: Final = (
    "id",
    "admin_graphql_api_id",
    "title",
    "name",
    "sku",
    "price",
    "quantity",
    "product_id",
    "variant_id",
    "requires_shipping",
    "fulfillment_status",
    "fulfillable_quantity",
    "total_discount",
    "discount_allocations",
    "tax_lines",
)
"""What a fulfilment or refund repeats of a line here; Shopify repeats some more."""


class ShopifyOrder:
    """The body of one order, changed in place, and the bodies of its parts."""

    __slots__ = ("basket", "body", "chance", "shop")

    def __init__(self, chance: Chance, shop: Shop, basket: Basket, buyer: Person, at: int) -> None:
        self.chance, self.shop, self.basket = chance, shop, basket
        self.body = self._order(buyer, at)

    def moment(self, at: int) -> str:
        """The instant in the shop's own offset, to the second."""
        return moments.to_seconds(at, self.shop.offset_ms, self.shop.offset)

    def identifier(self) -> int:
        """A resource id as Shopify gives them: beyond 2^42, below 2^53."""
        return 5_000_000_000_000 + self.chance.random.getrandbits(40)

    def pair(self, minor: int) -> dict[str, Any]:
        """The amount for the shop and for the buyer: here always the same."""
        side = {"amount": self.shop.amount(minor), "currency_code": self.shop.currency}
        return {"shop_money": side, "presentment_money": side}

    def touch(self, at: int) -> None:
        """Whatever changes, the order says when."""
        self.body["updated_at"] = self.moment(at)

    def pay(self) -> None:
        """The whole total is captured."""
        self.body["financial_status"] = "paid"
        self.body["total_outstanding"] = self.shop.amount(0)

    def cancel(self, at: int) -> None:
        """The whole order is called off and its authorization released."""
        nothing = self.shop.amount(0)
        self.body.update(
            cancelled_at=self.moment(at),
            cancel_reason="customer",
            financial_status="voided",
            total_outstanding=nothing,
            current_total_price=nothing,
            current_total_price_set=self.pair(0),
            current_subtotal_price=nothing,
            current_total_tax=nothing,
        )
        for line in self.body["line_items"]:
            line["fulfillable_quantity"] = line["current_quantity"] = 0

    def ship(self, lines: list[dict[str, Any]], at: int) -> dict[str, Any]:
        """A fulfilment with these lines, whole: in the order, and returned as a body of its own."""
        body = self.body
        number = len(body["fulfillments"]) + 1
        identifier = self.identifier()
        now = self.moment(at)
        tracking = f"1Z{identifier}"
        for line in lines:
            line["fulfillable_quantity"] = 0
            line["fulfillment_status"] = "fulfilled"
        parcel: dict[str, Any] = {
            "id": identifier,
            "admin_graphql_api_id": f"gid://shopify/Fulfillment/{identifier}",
            "created_at": now,
            "location_id": 66_855_371_008,
            "name": f"{body['name']}.{number}",
            "order_id": body["id"],
            "origin_address": {},
            "receipt": {},
            "service": "manual",
            "shipment_status": None,
            "status": "success",
            "tracking_company": "UPS",
            "tracking_number": tracking,
            "tracking_numbers": [tracking],
            "tracking_url": f"https://tracking.example.com/{tracking}",
            "tracking_urls": [f"https://tracking.example.com/{tracking}"],
            "updated_at": now,
            "line_items": [{name: line[name] for name in _IN_PARCELS} for line in lines],
        }
        body["fulfillments"].append(parcel)
        whole = all(line["fulfillment_status"] == "fulfilled" for line in body["line_items"])
        body["fulfillment_status"] = "fulfilled" if whole else "partial"
        return parcel

    def deliver(self, parcel: dict[str, Any], at: int) -> None:
        """The parcel arrives."""
        parcel["shipment_status"] = "delivered"
        parcel["updated_at"] = self.moment(at)

    def refund(self, index: int, at: int) -> dict[str, Any]:
        """One line comes back whole: in the order, and returned as a body of its own."""
        body, item = self.body, self.basket.items[index]
        line = body["line_items"][index]
        worth = item.net if self.shop.includes_tax else item.net + item.tax
        now = self.moment(at)
        amount = self.shop.amount(worth)
        identifier = self.identifier()
        refund: dict[str, Any] = {
            "id": identifier,
            "admin_graphql_api_id": f"gid://shopify/Refund/{identifier}",
            "order_id": body["id"],
            "created_at": now,
            "processed_at": now,
            "note": None,
            "restock": True,
            "user_id": 79_728_705_792,
            "duties": [],
            "order_adjustments": [],
            "refund_line_items": [
                {
                    "id": self.identifier(),
                    "line_item_id": line["id"],
                    "location_id": 66_855_371_008,
                    "quantity": item.quantity,
                    "restock_type": "return",
                    "subtotal": float(self.shop.amount(item.net)),
                    "subtotal_set": self.pair(item.net),
                    "total_tax": float(self.shop.amount(item.tax)),
                    "total_tax_set": self.pair(item.tax),
                    "line_item": {name: line[name] for name in _IN_PARCELS},
                }
            ],
            "transactions": [
                {
                    "id": self.identifier(),
                    "order_id": body["id"],
                    "kind": "refund",
                    "gateway": "shopify_payments",
                    "status": "success",
                    "amount": amount,
                    "currency": self.shop.currency,
                    "created_at": now,
                    "processed_at": now,
                    "parent_id": None,
                    "test": False,
                }
            ],
        }
        line["current_quantity"] = 0
        left = self.basket.total - worth
        body["refunds"].append(refund)
        body["financial_status"] = "refunded" if left <= 0 else "partially_refunded"
        body["current_total_price"] = self.shop.amount(max(left, 0))
        body["current_total_price_set"] = self.pair(max(left, 0))
        return refund

    def _order(self, buyer: Person, at: int) -> dict[str, Any]:
        shop, basket, now = self.shop, self.basket, self.moment(at)
        amount, pair, draw = shop.amount, self.pair, self.chance.draw
        identifier, number = self.identifier(), 1000 + self.chance.number()
        token = self.chance.token() * 2
        subtotal = basket.items_gross - basket.discount
        address = _address(buyer)
        taxes = self._taxes(basket.tax)
        guest = draw() < 0.7
        anonymous = guest and draw() < 0.15
        return {
            "id": identifier,
            "admin_graphql_api_id": f"gid://shopify/Order/{identifier}",
            "app_id": 580_111,
            "browser_ip": None,
            "buyer_accepts_marketing": False,
            "cancel_reason": None,
            "cancelled_at": None,
            "cart_token": token,
            "checkout_id": self.identifier(),
            "checkout_token": token,
            "closed_at": None,
            "confirmation_number": token[:9].upper(),
            "confirmed": True,
            "contact_email": buyer.email,
            "created_at": now,
            "currency": shop.currency,
            "current_subtotal_price": amount(subtotal),
            "current_total_discounts": amount(basket.discount),
            "current_total_duties_set": None,
            "current_total_price": amount(basket.total),
            "current_total_price_set": pair(basket.total),
            "current_total_tax": amount(basket.tax),
            "customer_locale": shop.locale,
            "discount_codes": [{"code": basket.code, "amount": amount(basket.discount), "type": "percentage"}]
            if basket.code
            else [],
            "discount_applications": [
                {
                    "target_type": "line_item",
                    "type": "discount_code",
                    "value": "10.0",
                    "value_type": "percentage",
                    "allocation_method": "across",
                    "target_selection": "all",
                    "code": basket.code,
                }
            ]
            if basket.code
            else [],
            "email": buyer.email,
            "estimated_taxes": False,
            "financial_status": "authorized",
            "fulfillment_status": None,
            "landing_site": "/",
            "location_id": None,
            "name": f"#{number}",
            "note": None,
            "note_attributes": [],
            "number": number - 1000,
            "order_number": number,
            "order_status_url": f"https://{shop.account}/61836689664/orders/{token}/authenticate",
            "original_total_duties_set": None,
            "payment_gateway_names": ["shopify_payments"],
            "payment_terms": None,
            "phone": None,
            "presentment_currency": shop.currency,
            "processed_at": now,
            "referring_site": None,
            "source_name": "web",
            "subtotal_price": amount(subtotal),
            "subtotal_price_set": pair(subtotal),
            "tags": "",
            "tax_lines": taxes,
            "taxes_included": shop.includes_tax,
            "test": False,
            "token": token,
            "total_discounts": amount(basket.discount),
            "total_discounts_set": pair(basket.discount),
            "total_line_items_price": amount(basket.items_gross),
            "total_outstanding": amount(basket.total),
            "total_price": amount(basket.total),
            "total_price_set": pair(basket.total),
            "total_shipping_price_set": pair(basket.shipping),
            "total_tax": amount(basket.tax),
            "total_tax_set": pair(basket.tax),
            "total_tip_received": amount(basket.tip),
            "total_weight": 0,
            "updated_at": now,
            "user_id": None,
            "billing_address": address,
            "shipping_address": address,
            "customer": None if anonymous else self._customer(buyer, now, "disabled" if guest else "enabled"),
            "fulfillments": [],
            "line_items": [self._line(item) for item in basket.items],
            "refunds": [],
            "shipping_lines": [
                {
                    "id": self.identifier(),
                    "code": "Standard",
                    "title": "Standard",
                    "price": amount(basket.shipping),
                    "price_set": pair(basket.shipping),
                    "discounted_price": amount(basket.shipping),
                    "discounted_price_set": pair(basket.shipping),
                    "discount_allocations": [],
                    "source": "shopify",
                    "tax_lines": self._taxes(basket.shipping_tax),
                }
            ],
        }

    def _customer(self, buyer: Person, now: str, state: str) -> dict[str, Any]:
        identifier = 6_000_000_000_000 + int(buyer.phone[-7:])
        return {
            "id": identifier,
            "admin_graphql_api_id": f"gid://shopify/Customer/{identifier}",
            "created_at": now,
            "currency": self.shop.currency,
            "email": buyer.email,
            "first_name": buyer.given,
            "last_name": buyer.family,
            "multipass_identifier": None,
            "note": None,
            "phone": None,
            "state": state,
            "tags": "",
            "tax_exempt": False,
            "updated_at": now,
            "verified_email": True,
            "email_marketing_consent": {
                "state": "not_subscribed",
                "opt_in_level": "single_opt_in",
                "consent_updated_at": None,
            },
            "sms_marketing_consent": None,
        }

    def _taxes(self, minor: int) -> list[dict[str, Any]]:
        if not self.shop.tax:
            return []
        return [
            {
                "channel_liable": False,
                "price": self.shop.amount(minor),
                "price_set": self.pair(minor),
                "rate": self.shop.tax / 10_000,
                "title": self.shop.tax_name,
            }
        ]

    def _line(self, item: Item) -> dict[str, Any]:
        product, identifier = item.product, self.identifier()
        amount, pair = self.shop.amount, self.pair
        allocations = []
        if item.discount:
            allocations = [
                {
                    "amount": amount(item.discount),
                    "amount_set": pair(item.discount),
                    "discount_application_index": 0,
                }
            ]
        return {
            "id": identifier,
            "admin_graphql_api_id": f"gid://shopify/LineItem/{identifier}",
            "current_quantity": item.quantity,
            "discount_allocations": allocations,
            "duties": [],
            "fulfillable_quantity": item.quantity,
            "fulfillment_service": "manual",
            "fulfillment_status": None,
            "gift_card": False,
            "grams": 0,
            "name": f"{product.title} - {product.choice}",
            "price": amount(product.price),
            "price_set": pair(product.price),
            "product_exists": True,
            "product_id": 7_510_929_801_000 + product.number,
            "properties": [],
            "quantity": item.quantity,
            "requires_shipping": True,
            "sku": product.sku,
            "tax_lines": self._taxes(item.tax),
            "taxable": True,
            "title": product.title,
            "total_discount": amount(0),
            "variant_id": 42_211_160_228_000 + product.number,
            "variant_inventory_management": "shopify",
            "variant_title": product.choice,
            "vendor": "demo",
        }


def _address(buyer: Person) -> dict[str, Any]:
    return {
        "first_name": buyer.given,
        "last_name": buyer.family,
        "name": f"{buyer.given} {buyer.family}",
        "company": None,
        "address1": buyer.street,
        "address2": None,
        "city": buyer.city,
        "province_code": buyer.region.partition("-")[2],
        "zip": buyer.postal_code,
        "country_code": buyer.country,
        "phone": buyer.phone,
    }
