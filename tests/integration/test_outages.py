"""PostgreSQL, the broker or the registry away for a while: nothing is lost, and work goes on by itself."""

from __future__ import annotations

import threading
import time

import pytest

from deploy.local.stack import Stack
from tests.integration.deployment import Deployment, audit, wait_until
from tests.integration.records import shopify, shopify_order

pytestmark = pytest.mark.stack


def orders(first: int, count: int):
    for number in range(first, first + count):
        yield shopify(shopify_order(number, at=0), "orders/create")


def test_postgresql_stopped_and_started_under_load(deployment: Deployment, running_stack: Stack):
    """The worker pauses, keeps its place in the group, and goes on where it was when PostgreSQL is back."""
    deployment.settings["ORDERGATE_BATCH_SIZE"] = "50"
    deployment.publish(orders(1, 200))
    worker = deployment.start()
    wait_until(lambda: deployment.decided() > 50, 30, "it works", deployment.state)
    running_stack.postgres.stop()
    deployment.publish(orders(201, 200))
    wait_until(lambda: "database_away" in worker.text(), 20, "the worker notices", worker.text)
    time.sleep(2)
    running_stack.postgres.start()
    deployment.wait_decided(400)
    assert len(audit(deployment)["oms.orders.v1"]) == 400
    assert worker.process.poll() is None, "the same process went on"


def test_the_broker_stopped_and_started_under_load(deployment: Deployment, running_stack: Stack):
    """What was decided and not yet published waits in the journal; after the broker's return it is published once."""
    deployment.settings["ORDERGATE_BATCH_SIZE"] = "50"
    deployment.publish(orders(1, 400))
    worker = deployment.start()
    wait_until(lambda: deployment.decided() > 50, 30, "it works", deployment.state)
    stopping = threading.Thread(target=running_stack.kafka.stop)
    stopping.start()
    stopping.join()
    time.sleep(3)
    running_stack.kafka.start()
    deployment.publish(orders(401, 100))
    deployment.wait_decided(500, 90)
    assert len(audit(deployment)["oms.orders.v1"]) == 500
    assert worker.process.poll() is None, "the same process went on"


def test_a_worker_starts_while_the_registry_is_away(deployment: Deployment, running_stack: Stack):
    """Schema ids are remembered: once a worker has run, the next one needs no registry."""
    deployment.publish(orders(1, 10))
    first = deployment.start()
    deployment.wait_decided(10)
    assert first.stop() == 0
    running_stack.registry.stop()
    try:
        deployment.publish(orders(11, 10))
        deployment.start()
        deployment.wait_decided(20)
    finally:
        running_stack.registry.start()
    assert len(audit(deployment)["oms.orders.v1"]) == 20
