"""`ordergate recover`: a partition that stopped is explained, repaired, and goes on with nothing lost or doubled."""

from __future__ import annotations

import os

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner, Result

from ingest.cli.commands import app
from ingest.kafka_admin import KafkaAdmin
from tests.ingest.cli.conftest import facts
from tests.integration.deployment import Deployment, audit, wait_until
from tests.integration.records import SHOPIFY, shopify, shopify_order

pytestmark = pytest.mark.stack

PARTITION = f"{SHOPIFY}/1"


def recover(deployment: Deployment, *arguments: str) -> Result:
    """The command in this deployment's environment."""
    with deployment.environ():
        os.environ["COLUMNS"] = "200"
        return CliRunner().invoke(app, ["recover", *arguments])


def order(number: int, partition: int = 1):
    return shopify(shopify_order(number), "orders/create", partition=partition)


def placed(deployment: Deployment, first: int, count: int) -> None:
    deployment.publish([order(n, n % 3) for n in range(first, first + count)])


def commit(deployment: Deployment, offset: TopicPartition) -> None:
    """Move the group's offset as an operator does it."""
    meddler = Consumer(
        {"bootstrap.servers": deployment.endpoints.kafka_bootstrap_servers, "group.id": deployment.group_id}
    )
    meddler.commit(offsets=[offset], asynchronous=False)
    meddler.close()


def forget_group(deployment: Deployment) -> None:
    """Remove the group with all its offsets."""
    admin = AdminClient({"bootstrap.servers": deployment.endpoints.kafka_bootstrap_servers})
    for future in admin.delete_consumer_groups([deployment.group_id]).values():
        future.result()
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(deployment.group_id)])
    for future in asked.values():
        assert not future.result().topic_partitions


def empty(deployment: Deployment) -> None:
    """Wait until the group has forgotten a worker that was killed."""
    with KafkaAdmin(deployment.endpoints.kafka_bootstrap_servers) as admin:
        wait_until(lambda: admin.group_members(deployment.group_id) == 0, 60, "the group is empty")


def goes_on(deployment: Deployment, events: int) -> None:
    """A worker that starts now halts nothing, and everything is there once."""
    placed(deployment, 1000, 30)
    worker = deployment.start()
    deployment.wait_decided(events + 30)
    assert "partition_halted" not in worker.text()
    audit(deployment)


@pytest.mark.parametrize("offset", [0, 5, 11])
def test_an_offset_that_an_operator_moved_is_put_right(deployment: Deployment, offset: int):
    """Backward or forward: the rows are known to be published, so only the receipt is written again."""
    placed(deployment, 1, 30)
    first = deployment.start()
    deployment.wait_decided(30)
    assert first.stop() == 0
    commit(deployment, TopicPartition(SHOPIFY, 1, offset))

    told = recover(deployment, "--json")
    assert told.exit_code == 1
    (plan,) = facts(told)
    assert (plan["topic"], plan["partition"], plan["applied"]) == (SHOPIFY, 1, False)
    assert plan["cause"] == "somebody else has moved the group's offset"
    assert deployment.receipts()[SHOPIFY, 1] == (offset, ""), "a plan changes nothing"

    repaired = recover(deployment, PARTITION, "--apply")
    assert repaired.exit_code == 0, repaired.output
    assert recover(deployment).exit_code == 0
    goes_on(deployment, 30)


@pytest.mark.parametrize("lost", [forget_group, lambda d: commit(d, TopicPartition(SHOPIFY, 1, 3))])
@pytest.mark.parametrize("point", ["before_publish", "after_publish"])
def test_the_outputs_tell_which_rows_are_published(deployment: Deployment, point: str, lost):
    """After a kill -9 nobody knows whether the newest row is published; it is found, or published once."""
    deployment.settings |= {"ORDERGATE_BATCH_SIZE": "5", "ORDERGATE_GROUP_PROTOCOL": "classic"}
    placed(deployment, 1, 60)
    doomed = deployment.start(f"kill:{point}:5")
    assert doomed.process.wait(40) == -9, doomed.text()
    empty(deployment)
    lost(deployment)
    told = facts(recover(deployment, "--json"))
    shown = " ".join(line for plan in told for line in (*plan["known"], *plan["steps"]))
    assert ("publish journal row" in shown) == (point == "before_publish"), told

    repaired = recover(deployment, "--apply", "--json")
    assert repaired.exit_code == 0, repaired.output
    assert all(plan["applied"] for plan in facts(repaired))
    goes_on(deployment, 60)


def test_a_repair_waits_until_the_workers_are_stopped(deployment: Deployment):
    """Nothing is repaired under a worker's feet, and what is in order is left alone."""
    placed(deployment, 1, 30)
    first = deployment.start()
    deployment.wait_decided(30)
    first.stop()
    commit(deployment, TopicPartition(SHOPIFY, 1, 0))
    second = deployment.start()
    wait_until(lambda: "partition_halted" in second.text(), 40, "it halts", deployment.state)
    assert f"ordergate recover {PARTITION}" in second.text()
    refused = recover(deployment, "--apply")
    assert refused.exit_code == 2
    assert "stop all workers" in refused.output
    assert deployment.receipts()[SHOPIFY, 1] == (0, "")
    assert second.stop() == 0
    assert recover(deployment, "--apply").exit_code == 0
    goes_on(deployment, 30)


def test_rows_that_the_journal_lacks_are_not_guessed(deployment: Deployment):
    """Rows that may not be published are gone, and the receipt with them: nothing is done on a guess."""
    deployment.settings |= {"ORDERGATE_BATCH_SIZE": "5", "ORDERGATE_GROUP_PROTOCOL": "classic"}
    deployment.publish([order(n) for n in range(1, 21)])
    doomed = deployment.start("kill:after_publish:3")
    assert doomed.process.wait(40) == -9
    empty(deployment)
    deployment.rows_written("UPDATE positions SET published_sequence = 0")
    forget_group(deployment)
    rows = deployment.rows("SELECT sequence FROM journal ORDER BY sequence")
    assert len(rows) >= 2
    deployment.rows_written("DELETE FROM journal WHERE sequence = 1")
    (plan,) = facts(recover(deployment, PARTITION, "--json"))
    assert not plan["steps"]
    assert "the journal lacks rows" in plan["do"]
    assert recover(deployment, PARTITION, "--apply").exit_code == 1
