"""Exactly once and in order, whatever is killed: on the real broker and database."""

from __future__ import annotations

import pytest

from tests.integration.deployment import Deployment, audit
from tests.integration.records import shopify, shopify_order

pytestmark = pytest.mark.stack


def orders(count: int):
    """Orders that are placed and then paid, one after the other."""
    for number in range(1, count + 1):
        yield shopify(shopify_order(number, at=0), "orders/create")
        yield shopify(shopify_order(number, at=60, financial_status="paid"), "orders/paid")


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_a_batch_decided_but_not_published_is_published_once_by_the_next_worker(deployment: Deployment, protocol: str):
    """A worker killed between the database's commit and Kafka's loses nothing and doubles nothing."""
    deployment.settings["ORDERGATE_GROUP_PROTOCOL"] = protocol
    deployment.settings["ORDERGATE_BATCH_SIZE"] = "50"
    deployment.publish(orders(150))
    doomed = deployment.start("kill:before_publish:3")
    assert doomed.process.wait(40) == -9, doomed.text()
    deployment.start()
    deployment.wait_decided(300)
    outputs = audit(deployment)
    assert len(outputs["oms.orders.v1"]) == 300
    assert any(
        "journal_rows" in line and '"journal_rows": 0' not in line
        for line in deployment.workers[1].text().splitlines()
        if "partition_recovered" in line
    )


def test_a_batch_that_was_not_committed_is_decided_again(deployment: Deployment):
    """A worker killed before the database's commit leaves no trace, and its events are decided by the next."""
    deployment.settings["ORDERGATE_BATCH_SIZE"] = "50"
    deployment.publish(orders(60))
    doomed = deployment.start("kill:before_database_commit:2")
    assert doomed.process.wait(40) == -9, doomed.text()
    deployment.start()
    deployment.wait_decided(120)
    assert len(audit(deployment)["oms.orders.v1"]) == 120
