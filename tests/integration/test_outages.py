"""PostgreSQL, the broker or the registry away for a while: nothing is lost, and work goes on by itself."""

from __future__ import annotations

import time

import pytest

from deploy.local.stack import Stack
from tests.faults.case import TORN
from tests.integration.deployment import Deployment, audit, halted, wait_until
from tests.integration.records import shopify, shopify_order
from tests.integration.test_recover import recover

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
    """What was decided and not yet published waits in the journal; after the broker's return it is published once.

    A broker that ends while it ends a transaction may leave it open for ever (a torn transaction). Then the worker says
    so, and `ordergate recover` ends it as it has to.
    """
    deployment.settings["ORDERGATE_BATCH_SIZE"] = "50"
    deployment.publish(orders(1, 400))
    worker = deployment.start()
    wait_until(lambda: deployment.decided() > 50, 30, "it works", deployment.state)
    running_stack.kafka.stop()
    time.sleep(3)
    running_stack.kafka.start()
    deployment.publish(orders(401, 100))
    wait_until(lambda: halted(worker.text()) or is_done(deployment, 500), 120, "done or halted", deployment.state)
    torn = halted(worker.text())
    assert worker.process.poll() is None, "the same process went on"
    if torn:
        assert set(torn.values()) <= TORN
        assert worker.stop() == 0
        repaired = recover(deployment, "--apply")
        assert repaired.exit_code == 0, repaired.output
        deployment.start()
        deployment.wait_decided(500)
    assert len(audit(deployment)["oms.orders.v1"]) == 500


def is_done(deployment: Deployment, events: int) -> bool:
    """Whether so many events are decided, and readers see all of it."""
    return deployment.decided() >= events and deployment.all_published() and not deployment.readers_held_up()


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
