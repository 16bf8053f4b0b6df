"""Several workers in one group: they share the partitions, and nothing is lost or doubled when they come and go."""

from __future__ import annotations

import threading
import time

import pytest

from tests.integration.deployment import Deployment, audit, header, wait_until
from tests.integration.records import shopify, shopify_order

pytestmark = pytest.mark.stack


def steady_load(deployment: Deployment, stop: threading.Event, published: list[int]) -> None:
    """About 300 orders a second, each placed and paid, until told to stop."""
    number = 0
    while not stop.is_set():
        batch = []
        for _ in range(30):
            number += 1
            batch.append(shopify(shopify_order(number, at=0), "orders/create"))
            batch.append(shopify(shopify_order(number, at=60, financial_status="paid"), "orders/paid"))
        published.append(len(deployment.publish(batch)))
        time.sleep(0.1)


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_workers_join_and_leave_under_load(deployment: Deployment, protocol: str):
    """Conservation holds while a second worker joins, the first one leaves, and a third one takes its place."""
    deployment.settings["ORDERGATE_GROUP_PROTOCOL"] = protocol
    deployment.settings["ORDERGATE_BATCH_SIZE"] = "200"
    stop, published = threading.Event(), []
    load = threading.Thread(target=steady_load, args=(deployment, stop, published))
    load.start()
    try:
        first = deployment.start()
        wait_until(lambda: deployment.decided() > 100, 30, "the first worker works", deployment.state)
        second = deployment.start()
        wait_until(lambda: "partition_recovered" in second.text(), 40, "the second has partitions", deployment.state)
        assert first.stop() == 0, first.text()
        third = deployment.start()
        wait_until(lambda: "partition_recovered" in third.text(), 40, "the third has partitions", deployment.state)
    finally:
        stop.set()
        load.join()
    deployment.wait_decided(sum(published), 90)
    outputs = audit(deployment)
    assert len(outputs["oms.orders.v1"]) == sum(published)
    causes = {header(message, "ordergate_cause") for message in outputs["oms.orders.v1"]}
    assert len(causes) == sum(published)
    assert [w.stop() for w in (second, third)] == [0, 0]


def test_an_unreleased_partition_of_a_killed_worker_is_taken_over(deployment: Deployment):
    """kill -9 of one of two workers under load: the other one takes its partitions over and all is published."""
    deployment.settings["ORDERGATE_BATCH_SIZE"] = "100"
    stop, published = threading.Event(), []
    load = threading.Thread(target=steady_load, args=(deployment, stop, published))
    load.start()
    try:
        first, second = deployment.start(), deployment.start()
        for worker in (first, second):
            wait_until(lambda w=worker: "partition_recovered" in w.text(), 40, "it has partitions", deployment.state)
        wait_until(lambda: deployment.decided() > 300, 30, "they work", deployment.state)
        first.kill()
        time.sleep(2)
    finally:
        stop.set()
        load.join()
    deployment.wait_decided(sum(published), 90)
    assert len(audit(deployment)["oms.orders.v1"]) == sum(published)
