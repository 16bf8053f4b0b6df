"""The currency of a refund that arrives without its order: no field of a refund names the shop's."""

from __future__ import annotations

from collections.abc import Iterator

from mappers.candidate import Defect, DefectiveEvent
from mappers.shopify import payload as shopify
from mappers.shopify.amounts import UNTOLD
from schemas import money


def currency_of(refund: shopify.Refund) -> str:
    """The shop's currency by a money pair that tells the rate too, else that of the transactions.

    Without either, that of a pair of nothing; without any, UNTOLD: units are restocked or cancelled whatever
    they cost. Raises DefectiveEvent where money moved and nothing tells in which currency.
    """
    pairs = list(_located_pairs(refund))
    for path, pair in pairs:
        if float(pair["shop_money"]["amount"] or 0):
            return _shops(path, pair)
    nameless: str | None = None
    for index, transaction in enumerate(refund.get("transactions") or ()):
        field = f"transactions[{index}].currency"
        if code := transaction.get("currency"):
            return _known(code, field)
        if nameless is None and float(transaction.get("amount") or 0):
            nameless = field
    for path, pair in pairs:
        return _shops(path, pair)
    if nameless is not None:
        message = f"{nameless} is missing, and no money pair of the refund tells the currency either"
        raise DefectiveEvent([Defect("currency_iso4217", nameless, message)])
    return UNTOLD


def pairs_of(refund: shopify.Refund) -> list[shopify.MoneySet]:
    """Every amount that the refund tells in both currencies."""
    return [pair for _, pair in _located_pairs(refund)]


def _shops(path: str, pair: shopify.MoneySet) -> str:
    return _known(pair["shop_money"]["currency_code"], f"{path}.shop_money.currency_code")


def _known(code: str, path: str) -> str:
    currency = code.upper()
    if not money.is_currency(currency):
        message = f"{path} is no ISO 4217 code with minor units, such as EUR"
        raise DefectiveEvent([Defect("currency_iso4217", path, message)])
    return currency


def _located_pairs(refund: shopify.Refund) -> Iterator[tuple[str, shopify.MoneySet]]:
    for index, item in enumerate(refund.get("refund_line_items") or ()):
        path = f"refund_line_items[{index}]"
        if (pair := item.get("subtotal_set")) is not None:
            yield f"{path}.subtotal_set", pair
        if (pair := item.get("total_tax_set")) is not None:
            yield f"{path}.total_tax_set", pair
        if (pair := (item.get("line_item") or {}).get("price_set")) is not None:
            yield f"{path}.line_item.price_set", pair
    for index, adjustment in enumerate(refund.get("order_adjustments") or ()):
        if (pair := adjustment.get("amount_set")) is not None:
            yield f"order_adjustments[{index}].amount_set", pair
    for index, shipping in enumerate(refund.get("refund_shipping_lines") or ()):
        if (pair := shipping.get("subtotal_amount_set")) is not None:
            yield f"refund_shipping_lines[{index}].subtotal_amount_set", pair
    if (pair := refund.get("total_duties_set")) is not None:
        yield "total_duties_set", pair
