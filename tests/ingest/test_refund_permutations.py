"""A refund of a partly shipped line is told by itself and by its order: the order ends the same."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.content import content_hash
from tests.ingest.pipeline_harness import Log
from tests.integration.records import instant, shopify, shopify_order

LINE = 11


class Shop:
    """Three pieces of tea at ten euros: some shipped, one refunded, as Shopify tells each step."""

    def __init__(self, restock_type: str, fulfillable: int, *, money: bool = True, presentment: bool = False) -> None:
        self.line = shopify_order(1)["line_items"][0] | {"quantity": 3, "fulfillable_quantity": 3}
        currency, amount = ("USD", "11.00") if presentment else ("EUR", "10.00")
        pair = {"shop_money": {"amount": "34.00", "currency_code": "EUR"},
                "presentment_money": {"amount": "37.40", "currency_code": "USD"}}  # fmt: skip
        self.shown = {"presentment_currency": "USD", "total_price_set": pair} if presentment else {}
        transaction = {"id": 91, "kind": "refund", "status": "success", "amount": amount,
                       "currency": currency, "created_at": instant(200), "gateway": "visa"}  # fmt: skip
        item = {"id": 1, "line_item_id": LINE, "quantity": 1, "restock_type": restock_type}
        self.pending = {"id": 81, "order_id": 1, "created_at": instant(200), "processed_at": instant(200),
                        "refund_line_items": [item], "order_adjustments": [],
                        "transactions": [{**transaction, "status": "pending"}] if money else []}  # fmt: skip
        self.refund = {**self.pending, "transactions": [transaction] if money else []}
        self.parcel = {"id": 71, "order_id": 1, "status": "success", "created_at": instant(100),
                       "updated_at": instant(100), "line_items": [{"id": LINE, "quantity": 1}]}  # fmt: skip
        self.rest = {**self.parcel, "id": 72, "created_at": instant(300), "updated_at": instant(300),
                     "line_items": [{"id": LINE, "quantity": fulfillable}]}  # fmt: skip
        self.fulfillable = fulfillable

    def order(self, at: int, fulfillable: int, **changes: Any) -> dict[str, Any]:
        status = "fulfilled" if not fulfillable else "partial" if changes else None
        line = {
            **self.line,
            "fulfillable_quantity": fulfillable,
            "current_quantity": 2 if changes.get("refunds") else 3,
            "fulfillment_status": status,
        }
        return shopify_order(
            1, at=at, total_price="34.00", financial_status="paid", line_items=[line], **self.shown, **changes
        )

    def trace(self) -> list[Any]:
        shipped = self.order(100, 2, fulfillments=[self.parcel])
        waiting = self.order(200, self.fulfillable, fulfillments=[self.parcel], refunds=[self.pending])
        refunded = self.order(210, self.fulfillable, fulfillments=[self.parcel], refunds=[self.refund])
        whole = self.order(300, 0, fulfillments=[self.parcel, self.rest], refunds=[self.refund])
        return [
            shopify(self.order(0, 3), "orders/create", event="e1"),
            shopify(self.parcel, "fulfillments/create", event="e2"),
            shopify(shipped, "orders/partially_fulfilled", event="e3"),
            shopify(self.pending, "refunds/create", event="e4"),
            shopify(waiting, "orders/updated", event="e5"),
            shopify(self.refund, "refunds/create", event="e6"),
            shopify(refunded, "orders/updated", event="e7"),
            shopify(self.rest, "fulfillments/create", event="e8"),
            shopify(whole, "orders/fulfilled", event="e9"),
        ]


SHOPS = {
    "unshipped unit, not restocked": Shop("no_restock", 1),
    "unshipped unit, restocked": Shop("cancel", 1),
    "unshipped unit, no money": Shop("cancel", 1, money=False),
    "shipped unit, kept": Shop("no_restock", 2),
    "shipped unit, returned": Shop("return", 2),
    "unshipped unit, buyer pays in dollars": Shop("no_restock", 1, presentment=True),
    "unshipped unit, restocked before restock types": Shop("legacy_restock", 2),
}
TRACES = {name: shop.trace() for name, shop in SHOPS.items()}


def final_state(records: list[Any]) -> tuple[Any, ...]:
    log = Log()
    log.take(records)
    (row,) = log.state.orders.values()
    assert row.order is not None
    assert not log.state.parked.get(row.order_id)
    order = row.order
    (line,) = order["lines"]
    quantity = line["quantity"]
    told = (quantity["current"], quantity["fulfilled"], quantity["returned"], order["fulfilment_status"])
    return told, order["totals"]["refunded"], content_hash(order)


EXPECTED = {name: final_state(trace) for name, trace in TRACES.items()}


@pytest.mark.parametrize(
    ("name", "ending", "refunded"),
    [
        ("unshipped unit, not restocked", (2, 2, 0, "FULFILLED"), 1000),
        ("unshipped unit, restocked", (2, 2, 0, "FULFILLED"), 1000),
        ("unshipped unit, no money", (2, 2, 0, "FULFILLED"), 0),
        ("shipped unit, kept", (3, 3, 0, "FULFILLED"), 1000),
        ("shipped unit, returned", (3, 3, 1, "PARTIALLY_RETURNED"), 1000),
        ("unshipped unit, buyer pays in dollars", (2, 2, 0, "FULFILLED"), 1000),
    ],
)
def test_a_partly_shipped_order_ends_with_what_there_is_left(name: str, ending: tuple[Any, ...], refunded: int) -> None:
    """No refunded unit stays to be shipped, and none that was shipped is taken for cancelled."""
    assert EXPECTED[name][:2] == (ending, {"amount_minor": refunded, "currency": "EUR", "exponent": 2})


@pytest.mark.parametrize("name", TRACES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_whoever_tells_first_the_refund_is_the_same(name: str, data: st.DataObject) -> None:
    """Refund, shipment and order webhooks may overtake and repeat each other: one order comes of them."""
    trace = TRACES[name]
    indexes = data.draw(st.permutations(range(len(trace))))
    again = data.draw(st.lists(st.integers(0, len(trace) - 1), max_size=3))
    assert final_state([trace[index] for index in (*indexes, *again)]) == EXPECTED[name]


@pytest.mark.parametrize("name", TRACES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_orders_account_of_a_refund_is_enough(name: str, data: st.DataObject) -> None:
    """Webhooks of refunds and shipments may be lost: the order tells all of it, in any order."""
    trace = TRACES[name]
    kept = data.draw(st.sets(st.sampled_from([1, 3, 5, 7])))
    indexes = data.draw(st.permutations([0, 2, 4, 6, 8, *sorted(kept)]))
    assert final_state([trace[index] for index in indexes]) == EXPECTED[name]


def test_dollars_that_no_rate_turns_into_euros_are_reported() -> None:
    """Money given back that the order's sum leaves out has a finding, until its order tells the rate."""
    shop = SHOPS["unshipped unit, buyer pays in dollars"]
    log = Log()
    log.take([TRACES["unshipped unit, buyer pays in dollars"][index] for index in (0, 5)])
    (row,) = log.state.orders.values()
    assert row.order is not None
    found = {finding["rule_id"]: finding["field"] for finding in row.order["quality"]["findings"]}
    assert found["refund_currency"] == "adjustments[0].amount"
    assert row.order["totals"]["refunded"]["amount_minor"] == 0
    refunded = shop.order(210, 1, fulfillments=[shop.parcel], refunds=[shop.refund])
    log.take([shopify(refunded, "orders/updated", event="e7")])
    (row,) = log.state.orders.values()
    assert row.order is not None
    assert "refund_currency" not in {finding["rule_id"] for finding in row.order["quality"]["findings"]}
    assert row.order["totals"]["refunded"]["amount_minor"] == 1000


def test_a_return_told_before_its_refund_is_counted_once_in_any_order() -> None:
    """One of three shipped units comes back: first only its order tells that, then the refund, then both."""
    shop = Shop("return", 2)
    returned = shop.order(150, 2, fulfillments=[shop.parcel])
    returned["line_items"][0]["current_quantity"] = 2
    records = [
        shopify(shop.order(0, 3), "orders/create", event="e1"),
        shopify(shop.order(100, 2, fulfillments=[shop.parcel]), "orders/partially_fulfilled", event="e2"),
        shopify(returned, "orders/updated", event="e3"),
        shopify(shop.refund, "refunds/create", event="e4"),
        shopify(shop.order(210, 2, fulfillments=[shop.parcel], refunds=[shop.refund]), "orders/updated", event="e5"),
    ]
    ending = final_state(records)
    assert ending[0] == final_state(records[:3])[0] == (3, 1, 1, "PARTIALLY_FULFILLED")
    assert all(final_state(list(order)) == ending for order in itertools.permutations(records))
