"""Loss of certainty stops one partition, says what is known, safe and to do, and everything else goes on."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.integration.deployment import Deployment, audit, wait_until
from tests.integration.records import SHOPIFY, shopify, shopify_order

pytestmark = pytest.mark.stack


def order(number: int, partition: int):
    return shopify(shopify_order(number), "orders/create", partition=partition)


def test_a_group_offset_that_an_operator_moved_halts_its_partition_alone(deployment: Deployment):
    """An offset reset by hand is recognised: nothing is published twice, and the other partitions work on."""
    deployment.publish([order(n, n % 3) for n in range(1, 31)])
    first = deployment.start()
    deployment.wait_decided(30)
    assert first.stop() == 0
    meddler = Consumer(
        {"bootstrap.servers": deployment.endpoints.kafka_bootstrap_servers, "group.id": deployment.group_id}
    )
    meddler.commit(offsets=[TopicPartition(SHOPIFY, 1, 0)], asynchronous=False)
    meddler.close()
    deployment.publish([order(n, n % 3) for n in range(31, 61)])
    second = deployment.start()
    wait_until(lambda: "partition_halted" in second.text(), 40, "the partition halts", deployment.state)
    wait_until(lambda: deployment.decided() == 50, 40, "the others go on", deployment.state)
    assert "somebody else has moved the group's offset" in second.text()
    assert {row[0] for row in deployment.rows("SELECT DISTINCT partition FROM outcomes WHERE raw_offset >= 10")} == {
        0,
        2,
    }
    assert second.stop() == 0


def test_sigterm_lets_partitions_go_and_the_next_worker_goes_on_at_once(deployment: Deployment):
    """A planned restart leaves nothing in doubt: every partition is released, and nothing has to be replayed."""
    deployment.publish([order(n, n % 3) for n in range(1, 61)])
    first = deployment.start()
    deployment.wait_decided(60)
    assert first.stop() == 0
    assert deployment.rows("SELECT DISTINCT released FROM positions") == [(True,)]
    deployment.publish([order(n, n % 3) for n in range(61, 91)])
    second = deployment.start()
    deployment.wait_decided(90)
    assert '"released": true' in second.text() and '"released": false' not in second.text()
    assert len(audit(deployment)["oms.orders.v1"]) == 90
