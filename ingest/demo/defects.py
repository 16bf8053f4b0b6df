"""Ways to spoil a record, each on purpose: in its bytes, in its document, or in its headers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, Final, TypeAlias

import orjson

from ingest.demo.records import DefectKind, Draft

Spoil: TypeAlias = Callable[[dict[str, Any]], None]
"""Changes a document of its own in place."""


@dataclass(frozen=True, slots=True)
class Spoiler:
    """One way to spoil records of one channel and of the kinds that start with one of these texts."""

    defect: DefectKind
    channel: str
    kinds: tuple[str, ...]
    document: Spoil | None = None
    encoded: Callable[[bytes], bytes | None] | None = None
    headers: Callable[[list[tuple[str, bytes]]], list[tuple[str, bytes]]] | None = None


def spoil(spoiler: Spoiler, draft: Draft) -> tuple[bytes | None, list[tuple[str, bytes]]]:
    """The spoilt value and headers; the journey's own document stays as it is."""
    value: bytes | None = orjson.dumps(draft.body)
    if spoiler.document:
        document = orjson.loads(orjson.dumps(draft.body))
        spoiler.document(document)
        value = orjson.dumps(document)
    if spoiler.encoded and value is not None:
        value = spoiler.encoded(value)
    headers = spoiler.headers(draft.headers) if spoiler.headers else draft.headers
    return value, headers


def choose(random: Random, draft: Draft) -> Spoiler:
    """One of the ways to spoil an event like this."""
    ways = _ways(draft.channel, draft.kind)
    return ways[int(random.random() * len(ways))]


@cache
def _ways(channel: str, kind: str) -> tuple[Spoiler, ...]:
    return tuple(
        way
        for way in SPOILERS
        if way.channel == channel and kind.startswith(way.kinds)
        for _ in range(_WEIGHTS.get(way.kinds, 3))
    )


_WEIGHTS: Final[dict[tuple[str, ...], int]] = {
    ("",): 1,
    ("order.refunded",): 30,
    ("refunds/",): 20,
    ("contact.",): 6,
}
"""How often a way is chosen, 3 if not named: the fewer kinds of event it fits, the oftener."""


# In the bytes


def _truncated(value: bytes) -> bytes:
    return value[: len(value) * 2 // 3]


def _key_twice(value: bytes) -> bytes:
    return b'{"id":"0","id":"1",' + value[1:]


def _not_a_number(value: bytes) -> bytes:
    return b'{"weight":NaN,' + value[1:]


def _invalid_utf8(value: bytes) -> bytes:
    return b'{"memo":"caf\xe9",' + value[1:]


def _nothing(_: bytes) -> bytes:
    return b""


def _no_value(_: bytes) -> None:
    return None


def _in_a_list(value: bytes) -> bytes:
    return b"[" + value + b"]"


# In the storefront's documents


def _order(document: dict[str, Any]) -> dict[str, Any]:
    order: dict[str, Any] = document["data"]["order"]
    return order


def _line(document: dict[str, Any]) -> dict[str, Any]:
    line: dict[str, Any] = _order(document)["lines"][0]
    return line


def _more(amount: str) -> str:
    """A wrong sum: the amount, three times."""
    whole, point, fraction = amount.partition(".")
    minor = 3 * int(whole + fraction) + 300
    digits = str(minor).zfill(len(fraction) + 1)
    return (
        digits[: len(digits) - len(fraction)] + point + digits[len(digits) - len(fraction) :] if point else str(minor)
    )


def _web_wrong_type(document: dict[str, Any]) -> None:
    _order(document)["lines"] = {str(index): line for index, line in enumerate(_order(document)["lines"])}
    _order(document)["prices_include_tax"] = "yes"


def _web_missing_currency(document: dict[str, Any]) -> None:
    del _order(document)["currency"]


def _web_unknown_currency(document: dict[str, Any]) -> None:
    _order(document)["currency"] = "EURO"


def _web_comma(document: dict[str, Any]) -> None:
    _line(document)["unit_price"] = _line(document)["unit_price"].replace(".", ",") + ",-"


def _web_unknown_kind(document: dict[str, Any]) -> None:
    document["event_type"] = "order.shipped"


def _web_missing_order_id(document: dict[str, Any]) -> None:
    del _order(document)["order_id"]


def _web_contact(document: dict[str, Any]) -> None:
    document["data"].update(email="at example dot com", phone="none")


def _web_number_total(document: dict[str, Any]) -> None:
    totals = _order(document)["totals"]
    totals["total"] = float(totals["total"])


def _web_local_time(document: dict[str, Any]) -> None:
    document["occurred_at"] = document["occurred_at"][:19]


def _web_wrong_total(document: dict[str, Any]) -> None:
    totals = _order(document)["totals"]
    totals["total"] = _more(totals["total"])


def _web_wrong_line_total(document: dict[str, Any]) -> None:
    _line(document)["total"] = _more(_line(document)["total"])


def _web_negative_quantity(document: dict[str, Any]) -> None:
    _line(document)["quantity"] = -1


def _web_country(document: dict[str, Any]) -> None:
    _order(document)["shipping_address"]["country"] = "XX"


def _web_malformed_sku(document: dict[str, Any]) -> None:
    _line(document)["sku"] = "??? see note"


def _web_no_sku(document: dict[str, Any]) -> None:
    _line(document)["sku"] = None


def _web_refund(document: dict[str, Any]) -> None:
    refund = _order(document)["refunds"][0]
    refund["amount"] = _more(_order(document)["totals"]["total"])


def _web_version(document: dict[str, Any]) -> None:
    order = _order(document)
    order["version"] -= 1
    order["note"] = "numbered by two servers at once"


def _web_test(document: dict[str, Any]) -> None:
    _order(document)["test"] = True


# In Shopify's documents


def _shopify_wrong_type(document: dict[str, Any]) -> None:
    document["line_items"] = "see below"
    document["taxes_included"] = "maybe"


def _shopify_missing_currency(document: dict[str, Any]) -> None:
    del document["currency"]


def _shopify_unknown_currency(document: dict[str, Any]) -> None:
    document["currency"] = "ZZZ"


def _shopify_comma(document: dict[str, Any]) -> None:
    document["total_price"] = document["total_price"].replace(".", ",") + ",-"


def _shopify_missing_id(document: dict[str, Any]) -> None:
    document["id"] = None
    document["admin_graphql_api_id"] = None


def _shopify_missing_order_id(document: dict[str, Any]) -> None:
    document["order_id"] = None


def _shopify_local_time(document: dict[str, Any]) -> None:
    document["updated_at"] = document["updated_at"][:19]


def _shopify_negative_quantity(document: dict[str, Any]) -> None:
    document["line_items"][0]["quantity"] = -1


def _shopify_country(document: dict[str, Any]) -> None:
    document["shipping_address"]["country_code"] = "XX"


def _shopify_no_sku(document: dict[str, Any]) -> None:
    document["line_items"][0]["sku"] = ""


def _shopify_refund(document: dict[str, Any]) -> None:
    payment = document["transactions"][0]
    payment["amount"] = _more(_more(_more(_more(payment["amount"]))))


def _shopify_test(document: dict[str, Any]) -> None:
    document["test"] = True


# In the headers


def _other_kind(headers: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return [(name, b"order.lost" if name == "x-event-type" else value) for name, value in headers]


def _no_kind(headers: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return [(name, value) for name, value in headers if name != "x-event-type"]


def _unknown_topic(headers: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return [(name, b"orders/risk_assessed" if name == "X-Shopify-Topic" else value) for name, value in headers]


def _in_bytes(channel: str) -> list[Spoiler]:
    return [
        Spoiler(defect, channel, ("",), encoded=encoded)
        for defect, encoded in (
            (DefectKind.TRUNCATED_JSON, _truncated),
            (DefectKind.DUPLICATE_KEY, _key_twice),
            (DefectKind.NOT_A_NUMBER, _not_a_number),
            (DefectKind.INVALID_UTF8, _invalid_utf8),
            (DefectKind.EMPTY, _nothing),
            (DefectKind.TOMBSTONE, _no_value),
            (DefectKind.NOT_AN_OBJECT, _in_a_list),
        )
    ]


def _in_documents(channel: str, kinds: tuple[str, ...], ways: dict[DefectKind, Spoil]) -> list[Spoiler]:
    return [Spoiler(defect, channel, kinds, document=way) for defect, way in ways.items()]


SPOILERS: Final = (
    *_in_bytes("web"),
    *_in_bytes("shopify"),
    Spoiler(DefectKind.CONTRADICTING_HEADER, "web", ("",), headers=_other_kind),
    Spoiler(DefectKind.UNKNOWN_EVENT_KIND, "web", ("order.",), document=_web_unknown_kind, headers=_no_kind),
    Spoiler(DefectKind.UNKNOWN_EVENT_KIND, "shopify", ("",), headers=_unknown_topic),
    *_in_documents("web", ("",), {DefectKind.LOCAL_TIME: _web_local_time}),
    *_in_documents("web", ("contact.",), {DefectKind.IMPLAUSIBLE_CONTACT: _web_contact}),
    *_in_documents("web", ("order.refunded",), {DefectKind.REFUND_ABOVE_PAID: _web_refund}),
    *_in_documents("web", ("order.paid", "order.fulfilled"), {DefectKind.REUSED_VERSION: _web_version}),
    *_in_documents(
        "web",
        ("order.",),
        {
            DefectKind.WRONG_TYPE: _web_wrong_type,
            DefectKind.MISSING_CURRENCY: _web_missing_currency,
            DefectKind.UNKNOWN_CURRENCY: _web_unknown_currency,
            DefectKind.AMOUNT_WITH_COMMA: _web_comma,
            DefectKind.MISSING_ORDER_ID: _web_missing_order_id,
            DefectKind.NUMBER_FOR_TOTAL: _web_number_total,
            DefectKind.WRONG_TOTAL: _web_wrong_total,
            DefectKind.WRONG_LINE_TOTAL: _web_wrong_line_total,
            DefectKind.NEGATIVE_QUANTITY: _web_negative_quantity,
            DefectKind.UNKNOWN_COUNTRY: _web_country,
            DefectKind.MALFORMED_SKU: _web_malformed_sku,
            DefectKind.NO_SKU: _web_no_sku,
            DefectKind.TEST_ORDER: _web_test,
        },
    ),
    *_in_documents(
        "shopify",
        ("refunds/", "fulfillments/"),
        {DefectKind.MISSING_ORDER_ID: _shopify_missing_order_id},
    ),
    *_in_documents("shopify", ("refunds/",), {DefectKind.REFUND_ABOVE_PAID: _shopify_refund}),
    *_in_documents(
        "shopify",
        ("orders/",),
        {
            DefectKind.WRONG_TYPE: _shopify_wrong_type,
            DefectKind.MISSING_CURRENCY: _shopify_missing_currency,
            DefectKind.UNKNOWN_CURRENCY: _shopify_unknown_currency,
            DefectKind.AMOUNT_WITH_COMMA: _shopify_comma,
            DefectKind.MISSING_ORDER_ID: _shopify_missing_id,
            DefectKind.LOCAL_TIME: _shopify_local_time,
            DefectKind.NEGATIVE_QUANTITY: _shopify_negative_quantity,
            DefectKind.UNKNOWN_COUNTRY: _shopify_country,
            DefectKind.NO_SKU: _shopify_no_sku,
            DefectKind.TEST_ORDER: _shopify_test,
        },
    ),
)
"""All of them. ILLEGAL_TRANSITION is not among them: it takes two events (web_journey.py)."""
