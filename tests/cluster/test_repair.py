"""`ordergate recover` on several brokers: each partition's leader is asked and told, wherever it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from producers.journal_records import unpack
from tests.cluster.cluster import NODES, Cluster
from tests.cluster.ordergate import ordergate, told
from tests.integration.deployment import Deployment, halted, wait_until
from tests.integration.records import SHOPIFY
from tests.integration.test_recover import goes_on, order
from tests.integration.test_recover_raw_log import go_on, published_once, violations
from tests.integration.test_recover_torn import decided_not_published, halts, publish
from tests.integration.torn_transaction import VERIFICATION, ForgottenProducer

pytestmark = [pytest.mark.stack, pytest.mark.long]

KEY = (SHOPIFY, 1)
NAME = f"{SHOPIFY}/1"
KEPT, LOST, GROWN = 8, 4, 9


def configure(cluster: Cluster, kind: ResourceType, name: str, setting: str, value: str) -> None:
    """Change a setting, and wait until it is in force."""
    change = ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
    with AdminClient({"bootstrap.servers": cluster.servers, "log_level": 0}) as client:
        changed = ConfigResource(kind, name, incremental_configs=[change])
        client.incremental_alter_configs([changed])[changed].result()

        def in_force(of: ConfigResource) -> bool:
            return client.describe_configs([of])[of].result()[setting].value == value

        wait_until(lambda: in_force(ConfigResource(kind, name)), 30, f"{setting} is {value}")


@contextmanager
def unverified(cluster: Cluster) -> Iterator[None]:
    """Let the brokers take transactional writes that no coordinator knows of."""
    for number in NODES:
        configure(cluster, ResourceType.BROKER, str(number), VERIFICATION, "false")
    try:
        yield
    finally:
        for number in NODES:
            configure(cluster, ResourceType.BROKER, str(number), VERIFICATION, "true")


def test_an_unclean_election_is_told_and_read_from_where_the_logs_part(cluster: Cluster, deployment: Deployment):
    """A broker without the newest events leads, and the log grows on: the partition halts, and no event is skipped."""
    deployment.settings["ORDERGATE_BATCH_SIZE"] = "4"
    configure(cluster, ResourceType.TOPIC, SHOPIFY, "min.insync.replicas", "1")
    cluster.reassign(KEY, [1, 2])
    cluster.move(KEY, 1, among=(1, 2))
    deployment.publish([order(n) for n in range(1, KEPT + 1)])
    cluster.nodes[2].stop()
    deployment.publish([order(n) for n in range(100, 100 + LOST)])
    worker = deployment.start()
    deployment.wait_decided(KEPT + LOST)
    assert worker.stop() == 0
    cluster.nodes[1].kill()
    cluster.nodes[2].start()
    cluster.elect_unclean(KEY, 2)
    deployment.publish([order(n) for n in range(500, 500 + GROWN)])
    cluster.nodes[1].start()
    cluster.wait_whole()

    worker = deployment.start()
    wait_until(lambda: KEY in halted(worker.text()), 60, "the partition halts", deployment.state)
    assert halted(worker.text()) == {KEY: "the log lost its end and has grown again"}
    assert worker.stop() == 0
    (stopped,) = [one for one in told(ordergate(deployment, "positions", "--json")) if one["halted"]]
    assert (stopped["topic"], stopped["partition"]) == KEY
    assert ordergate(deployment, "recover", NAME, "--mode", "continue-at-end", "--apply").returncode == 0
    assert deployment.rows("SELECT first_offset, next_offset FROM gaps") == [(KEPT, KEPT + LOST)]
    go_on(deployment, 20)
    deployment.wait_decided(KEPT + LOST + GROWN + 20)
    assert len(published_once(deployment)["oms.orders.v1"]) == KEPT + LOST + GROWN + 20
    assert violations(deployment) == []


@pytest.mark.parametrize("visible", ["some", "none"])
def test_a_transaction_that_hangs_on_two_brokers_gets_one_end(cluster: Cluster, deployment: Deployment, visible: str):
    """Its receipt hangs where the group is coordinated, its records where their partition is led: both get the end."""
    row = decided_not_published(deployment)
    records = unpack(row.records)
    held = [one for one in records if one.topic == "oms.orders.v1"]
    cluster.move(cluster.group_partition(deployment.group_id), 3)
    cluster.move(("oms.orders.v1", 0), 1)
    receipt, output = (ForgottenProducer(cluster.nodes[n].address(), f"{deployment.group_id}-0") for n in (3, 1))
    output.producer_id, output.epoch = receipt.producer_id, receipt.epoch
    with unverified(cluster):
        output.produce(0, held)
        if visible == "some":
            publish(deployment, [one for one in records if one not in held])
        receipt.commit_offset(deployment.group_id, SHOPIFY, 1, row.next_offset, f"ordergate:{row.sequence}")
    halts(deployment)
    (plan,) = told(ordergate(deployment, "recover", NAME, "--json"))
    (step,) = plan["steps"]
    assert ("COMMIT" in step) == (visible == "some"), plan
    assert "oms.orders.v1/0" in step and "__consumer_offsets" in step, plan
    repaired = ordergate(deployment, "recover", "--apply")
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    goes_on(deployment, 30)
