"""A refund or fulfilment before its order waits for it, and is applied once; without its order it is quarantined."""

from __future__ import annotations

import pytest

from tests.integration.deployment import Deployment, audit, wait_until
from tests.integration.records import instant, shopify, shopify_order

pytestmark = pytest.mark.stack


def refund(order: int, number: int) -> dict:
    return {
        "id": number, "order_id": order, "created_at": instant(30), "processed_at": instant(30),
        "refund_line_items": [],
        "transactions": [{"id": number * 10, "order_id": order, "kind": "refund", "status": "success",
                          "amount": "5.00", "currency": "EUR", "created_at": instant(30)}],
    }  # fmt: skip


def test_a_refund_before_its_order_waits_and_is_counted_once(deployment: Deployment):
    """A shop whose refund webhook overtakes the order webhook loses neither, also when it comes twice."""
    early = shopify(refund(1, 77), "refunds/create", event="r1", partition=0)
    deployment.publish([early, early])
    deployment.start()
    deployment.wait_decided(2)
    assert deployment.rows("SELECT outcome FROM outcomes ORDER BY raw_offset") == [
        ("PARKED",),
        ("DUPLICATE",),
    ]
    deployment.publish([shopify(shopify_order(1, financial_status="paid"), "orders/paid", partition=0)])
    deployment.wait_decided(3)
    outputs = audit(deployment)
    assert deployment.rows("SELECT outcome FROM outcomes ORDER BY raw_offset") == [
        ("GOVERNED",),
        ("DUPLICATE",),
        ("GOVERNED",),
    ]
    assert deployment.rows("SELECT count(*) FROM parked") == [(0,)]
    codec = deployment.codec()
    last = codec.decode(outputs["oms.orders.v1"][-1].value())[1]
    assert last["canonical_version"] == 2
    assert last["totals"]["refunded"]["amount_minor"] == 500
    assert last["payment_status"] == "PARTIALLY_REFUNDED"


def test_an_event_whose_order_never_comes_is_quarantined_at_its_deadline(deployment: Deployment):
    """Waiting is bounded: without any further event, the deadline alone ends it, and it is published once."""
    deployment.settings["ORDERGATE_PARK_DEADLINE"] = "PT3S"
    deployment.publish([shopify(refund(9, 78), "refunds/create", partition=0)])
    deployment.start()
    deployment.wait_decided(1)
    wait_until(
        lambda: deployment.rows("SELECT outcome FROM outcomes") == [("QUARANTINED",)],
        20,
        "its time is over",
        deployment.state,
    )
    deployment.wait_decided(1)
    outputs = audit(deployment)
    assert len(outputs["oms.quarantine.v1"]) == 1
    (position,) = deployment.rows(
        "SELECT next_offset, sequence FROM positions WHERE topic LIKE '%%shopify%%' AND partition = 0"
    )
    assert position == (1, 2), "its end moved no offset and has a journal row of its own"
    deployment.workers[0].kill()
    deployment.publish([shopify(shopify_order(5), "orders/create", partition=0)])
    deployment.start()
    deployment.wait_decided(2)
    assert len(audit(deployment)["oms.quarantine.v1"]) == 1, "a restart does not publish it again"
