"""A storefront's order as it changes: every method makes the next version of the same document."""

from __future__ import annotations

from typing import Any

from ingest.demo import moments
from ingest.demo.basket import Basket, Item
from ingest.demo.world import Person, Shop


class WebOrder:
    """The document of one order, changed in place."""

    __slots__ = ("basket", "document", "shop")

    def __init__(
        self,
        shop: Shop,
        basket: Basket,
        buyer: Person,
        ids: dict[str, str],
        customer: dict[str, str],
        at: int,
    ) -> None:
        self.shop, self.basket = shop, basket
        amount, now = shop.amount, self.moment(at)
        address = _address(buyer)
        tax = self._taxes(basket.tax)
        self.document: dict[str, Any] = {
            "order_id": ids["order"],
            "number": ids["number"],
            "version": 1,
            "checkout_id": ids["checkout"],
            "origin": "web",
            "currency": shop.currency,
            "prices_include_tax": shop.includes_tax,
            "placed_at": now,
            "updated_at": now,
            "confirmed_at": now,
            "customer": customer,
            "contact": {"email": buyer.email, "phone": buyer.phone, "preferred": "email"},
            "consents": [{"purpose": "marketing", "channel": "email", "granted": False, "at": now}],
            "billing_address": address,
            "shipping_address": {**address, "phone": buyer.phone},
            "totals": {
                "items": amount(basket.items_gross),
                "discount": amount(basket.discount),
                "shipping": amount(basket.shipping),
                "tax": amount(basket.tax),
                "tip": amount(basket.tip),
                "total": amount(basket.total),
            },
            "lines": [self._line(number, item) for number, item in enumerate(basket.items, start=1)],
            "discounts": [{"code": basket.code, "amount": amount(basket.discount)}] if basket.code else [],
            "taxes": tax,
            "shipping": [
                {
                    "code": "standard",
                    "title": "Standard delivery",
                    "price": amount(basket.shipping),
                    "taxes": self._taxes(basket.shipping_tax),
                }
            ],
            "payments": [],
            "fulfilments": [],
            "refunds": [],
            "locale": shop.locale,
        }

    def moment(self, at: int) -> str:
        """The instant in the shop's own offset."""
        return moments.with_millis(at, self.shop.offset_ms, self.shop.offset)

    def next_version(self, at: int) -> None:
        """One change further."""
        self.document["version"] += 1
        self.document["updated_at"] = self.moment(at)

    def pay(self, payment_id: str, kind: str, at: int, parent: str | None = None, status: str = "succeeded") -> None:
        """One more movement of money, of the whole total."""
        self.document["payments"].append(
            {
                "payment_id": payment_id,
                "parent_payment_id": parent,
                "kind": kind,
                "status": status,
                "method": "card",
                "gateway": "acquirer-one",
                "amount": self.shop.amount(self.basket.total),
                "at": self.moment(at),
            }
        )

    def ship(self, fulfilment_id: str, lines: list[dict[str, Any]], at: int) -> None:
        """A parcel with these lines, whole, is handed over."""
        now = self.moment(at)
        self.document["fulfilments"].append(
            {
                "fulfilment_id": fulfilment_id,
                "status": "fulfilled",
                "items": [{"line_id": line["line_id"], "quantity": line["quantity"]} for line in lines],
                "carrier": "parcel-express",
                "tracking": [{"number": f"PX{fulfilment_id[4:].upper()}"}],
                "created_at": now,
                "updated_at": now,
            }
        )

    def deliver(self, at: int) -> None:
        """All parcels arrive."""
        for parcel in self.document["fulfilments"]:
            parcel["status"] = "delivered"
            parcel["updated_at"] = self.moment(at)

    def cancel(self, at: int) -> None:
        """The whole order is called off before anything was handed over."""
        self.document["cancelled_at"] = self.moment(at)
        self.document["cancel_reason"] = "customer"
        self.document["totals"]["current_total"] = self.shop.amount(0)
        for line in self.document["lines"]:
            line["cancelled_quantity"] = line["quantity"]

    def refund(self, refund_id: str, index: int, at: int) -> None:
        """One line comes back whole, and its money goes back."""
        item, line = self.basket.items[index], self.document["lines"][index]
        worth = self.shop.amount(item.net if self.shop.includes_tax else item.net + item.tax)
        self.document["refunds"].append(
            {
                "refund_id": refund_id,
                "status": "completed",
                "reason": "does not fit",
                "amount": worth,
                "lines": [
                    {
                        "line_id": line["line_id"],
                        "quantity": line["quantity"],
                        "amount": worth,
                        "returned": True,
                    }
                ],
                "at": self.moment(at),
            }
        )

    def _taxes(self, amount: int) -> list[dict[str, str]]:
        if not self.shop.tax:
            return []
        return [
            {
                "title": self.shop.tax_name,
                "jurisdiction": self.shop.country,
                "rate": self.shop.tax_rate,
                "amount": self.shop.amount(amount),
            }
        ]

    def _line(self, number: int, item: Item) -> dict[str, Any]:
        product, amount = item.product, self.shop.amount
        return {
            "line_id": str(number),
            "sku": product.sku,
            "product_id": f"prd_{product.number:04d}",
            "variant_id": f"var_{product.number:04d}",
            "title": product.title,
            "options": [{"name": product.option, "value": product.choice}],
            "unit_price": amount(product.price),
            "quantity": item.quantity,
            "discounts": [{"code": self.basket.code, "amount": amount(item.discount)}] if item.discount else [],
            "taxes": self._taxes(item.tax),
            "total": amount(item.net),
        }


def _address(buyer: Person) -> dict[str, Any]:
    return {
        "given_name": buyer.given,
        "family_name": buyer.family,
        "lines": [buyer.street],
        "city": buyer.city,
        "region": buyer.region,
        "postal_code": buyer.postal_code,
        "country": buyer.country,
    }
