"""One guest or one order reached from two raw partitions: its versions stay in order on the topic."""

from __future__ import annotations

import pytest

from tests.integration.deployment import Deployment, audit, wait_until
from tests.integration.records import shopify, shopify_order

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_guest_on_two_partitions_at_once(deployment: Deployment, workers: int):
    """A guest who buys through two partitions at the same time has one stream of events, without gap or swap."""
    deployment.settings["ORDERGATE_CHANNELS"] = "shopify"
    # One worker meets both partitions within one batch, two workers within two batches under way.
    deployment.settings["ORDERGATE_BATCH_SIZE"] = "500" if workers == 1 else "20"
    for _ in range(workers):
        deployment.start("delay:before_publish:0.1")
    wait_until(
        lambda: all("partition_recovered" in w.text() for w in deployment.workers),
        40,
        "they run",
        deployment.state,
    )
    records = [
        shopify(shopify_order(n, email=f"guest{n % 5}@example.com"), "orders/create", partition=n % 3)
        for n in range(1, 301)
    ]
    deployment.publish(records)
    deployment.wait_decided(300)
    outputs = audit(deployment)
    placed = [
        m for m in outputs["oms.guest-conversions.v1"] if dict(m.headers())["ce_type"] == b"oms.guest.order.placed.v1"
    ]
    assert len(placed) == 300
    assert len({m.key() for m in placed}) == 5
    assert any("cut_for_hand_over" in w.text() for w in deployment.workers), "the case came up"


def test_one_order_whose_events_are_keyed_badly(deployment: Deployment):
    """A channel that spreads one order's events over partitions still gets contiguous versions, in order."""
    deployment.settings["ORDERGATE_BATCH_SIZE"] = "20"
    deployment.start()
    deployment.start()
    wait_until(
        lambda: all("partition_recovered" in w.text() for w in deployment.workers),
        40,
        "they run",
        deployment.state,
    )
    records = [
        shopify(shopify_order(order, at=step, note=f"note {step}"), "orders/updated", partition=step % 3)
        for step in range(60)
        for order in (1, 2, 3)
    ]
    deployment.publish(records)
    deployment.wait_decided(180)
    outputs = audit(deployment)
    assert {m.key() for m in outputs["oms.orders.v1"]} and len(outputs["oms.orders.v1"]) >= 3
    final = deployment.rows("SELECT clock_updated_at, count(*) OVER (PARTITION BY clock_updated_at) FROM orders")
    assert len(final) == 3 and {count for _, count in final} == {3}, "all three end with the newest snapshot"
