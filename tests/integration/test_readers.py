"""Readers of the output topics that wait for a transaction nobody ends are told of; events are decided meanwhile."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from tests.integration.deployment import Deployment, wait_until
from tests.integration.records import shopify, shopify_order

pytestmark = pytest.mark.stack


def test_waiting_readers_are_told_of_until_they_go_on(deployment: Deployment):
    """An operator hears of it from a worker that is itself well, with the place, and hears when it is over."""
    deployment.settings |= {
        "ORDERGATE_TRANSACTION_TIMEOUT_MS": "1000",
        "ORDERGATE_STABLE_OFFSET_DEADLINE_S": "11",
    }
    worker = deployment.start()
    deployment.publish([shopify(shopify_order(n), "orders/create", partition=n % 3) for n in range(1, 4)])
    deployment.wait_decided(3)
    stranger = Producer(
        {
            "bootstrap.servers": deployment.endpoints.kafka_bootstrap_servers,
            "transactional.id": f"{deployment.group_id}-stranger",
            "transaction.timeout.ms": 300_000,
        }
    )
    stranger.init_transactions(10)
    stranger.begin_transaction()
    stranger.produce("oms.quarantine.v1", b"open", partition=1)
    assert stranger.flush(10) == 0
    wait_until(lambda: "readers_wait" in worker.text(), 60, "the worker tells it", deployment.state)
    (told,) = [line for line in worker.text().splitlines() if "readers_wait" in line]
    assert '"topic": "oms.quarantine.v1", "partition": 1' in told and "ordergate recover" in told
    deployment.publish([shopify(shopify_order(n), "orders/create", partition=n % 3) for n in range(4, 7)])
    deployment.wait_decided(6)
    stranger.abort_transaction(10)
    wait_until(lambda: "readers_go_on" in worker.text(), 30, "the worker tells its end", deployment.state)
    assert worker.stop() == 0
