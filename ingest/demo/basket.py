"""What a buyer takes, with every sum exact in minor units: whatever a channel makes of it adds up."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from ingest.demo.world import Product, Shop


class Item(NamedTuple):
    """One line. `discount` is on the whole line; `tax` on what is left of it."""

    product: Product
    quantity: int
    discount: int
    tax: int

    @property
    def gross(self) -> int:
        """Price times quantity."""
        return self.product.price * self.quantity

    @property
    def net(self) -> int:
        """After the discount."""
        return self.gross - self.discount


class Basket(NamedTuple):
    """All of it, in the shop's minor units."""

    items: tuple[Item, ...]
    code: str | None
    shipping: int
    shipping_tax: int
    tip: int
    items_gross: int
    discount: int
    tax: int
    total: int


CODES = ("WELCOME10", "AUTUMN10", "FRIENDS10")


def fill(random: Random, shop: Shop) -> Basket:
    """A basket of one to four lines."""
    code = CODES[int(random.random() * 3)] if random.random() < 0.18 else None
    products = random.sample(shop.products, _line_count(random.random()))
    items = []
    for product in products:
        quantity = 1 if random.random() < 0.75 else 2 + int(random.random() * 2)
        gross = product.price * quantity
        discount = gross // 10 if code else 0
        items.append(Item(product, quantity, discount, shop.tax_of(gross - discount)))
    items_gross = sum(item.gross for item in items)
    discount = sum(item.discount for item in items)
    shipping = 0 if items_gross > shop.shipping * 15 else shop.shipping
    shipping_tax = shop.tax_of(shipping)
    tip = shop.shipping // 5 if random.random() < 0.04 else 0
    tax = sum(item.tax for item in items) + shipping_tax
    total = items_gross - discount + shipping + tip + (0 if shop.includes_tax else tax)
    return Basket(tuple(items), code, shipping, shipping_tax, tip, items_gross, discount, tax, total)


def _line_count(draw: float) -> int:
    if draw < 0.4:
        return 1
    return 2 if draw < 0.75 else 3 if draw < 0.93 else 4
