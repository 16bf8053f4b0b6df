"""Whatever order and however often a shop's webhooks arrive, the order ends the same."""

from __future__ import annotations

import copy
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.content import content_hash
from tests.ingest.pipeline_harness import Log
from tests.integration.records import instant, shopify, shopify_order


def trace() -> list:
    """One order's whole life as Shopify tells it: placed, paid, shipped in two parcels, partly refunded, closed."""
    line = 10
    first = {"id": 71, "order_id": 1, "status": "success", "created_at": instant(100), "updated_at": instant(100),
             "tracking_company": "DHL", "tracking_number": "1",
             "line_items": [{"id": line + 1, "quantity": 1}]}  # fmt: skip
    first_delivered = {**first, "updated_at": instant(500), "shipment_status": "delivered"}
    second = {
        **first,
        "id": 72,
        "created_at": instant(200),
        "updated_at": instant(200),
        "tracking_number": "2",
    }
    refund = {"id": 81, "order_id": 1, "created_at": instant(300), "processed_at": instant(300), "note": "broken",
              "refund_line_items": [{"id": 1, "line_item_id": line + 1, "quantity": 1, "restock_type": "return",
                                     "subtotal": 10.0, "total_tax": 0.0}],
              "transactions": [{"id": 91, "order_id": 1, "kind": "refund", "status": "success", "amount": "10.00",
                                "currency": "EUR", "created_at": instant(300), "gateway": "visa"}],
              "order_adjustments": []}  # fmt: skip
    placed = shopify_order(1, at=0)
    paid = shopify_order(1, at=60, financial_status="paid")
    part = shopify_order(1, at=100, financial_status="paid", fulfillment_status="partial", fulfillments=[first])
    whole = shopify_order(
        1, at=200, financial_status="paid", fulfillment_status="fulfilled", fulfillments=[first, second]
    )
    refunded = {
        **whole,
        "updated_at": instant(300),
        "financial_status": "partially_refunded",
        "refunds": [refund],
    }
    closed = {
        **refunded,
        "updated_at": instant(600),
        "closed_at": instant(600),
        "fulfillments": [first_delivered, second],
    }
    return [
        shopify(placed, "orders/create", event="e1"),
        shopify(paid, "orders/paid", event="e2"),
        shopify(first, "fulfillments/create", event="e3"),
        shopify(part, "orders/partially_fulfilled", event="e4"),
        shopify(second, "fulfillments/create", event="e5"),
        shopify(whole, "orders/fulfilled", event="e6"),
        shopify(refund, "refunds/create", event="e7"),
        shopify(refunded, "orders/updated", event="e8"),
        shopify(first_delivered, "fulfillments/update", event="e9"),
        shopify(closed, "orders/updated", event="e10"),
    ]


def final_state(records: list) -> tuple:
    log = Log()
    outcomes = log.take(records)
    (row,) = log.state.orders.values()
    assert row.order is not None
    versions = [order["canonical_version"] for order in log.published("CanonicalOrder")]
    assert versions == list(range(1, len(versions) + 1))
    assert not log.state.parked.get(row.order_id)
    assert len(outcomes) == len(records)
    return content_hash(row.order), row.clock, row.order_status, row.payment_status, row.fulfilment_status


TRACE = trace()
EXPECTED = final_state(TRACE)


def test_the_trace_is_understood_step_by_step():
    """The life of the order as it happened ends closed, partly refunded and partly returned."""
    outcomes = Counter(outcome.outcome.value for outcome in Log().take(copy.deepcopy(TRACE)))
    assert outcomes["QUARANTINED"] == outcomes["PARKED"] == 0
    assert EXPECTED[2:] == ("CLOSED", "PARTIALLY_REFUNDED", "PARTIALLY_RETURNED")


@settings(max_examples=300, deadline=None)
@given(
    st.permutations(range(len(TRACE))),
    st.lists(st.integers(0, len(TRACE) - 1), max_size=6),
    st.randoms(use_true_random=False),
)
def test_any_permutation_and_duplication_ends_in_the_same_state(order, again, random):
    """A shop whose webhooks overtake and repeat each other ends with the same order, each refund counted once."""
    indexes = list(order)
    for index in again:
        indexes.insert(random.randrange(len(indexes) + 1), index)
    assert final_state([TRACE[index] for index in indexes]) == EXPECTED
