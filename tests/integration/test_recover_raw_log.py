"""The raw log or the journal is not what it was: a person accepts what is lost, and the partition goes on."""

from __future__ import annotations

import os

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from typer.testing import CliRunner

from ingest.cli.commands import app
from ingest.kafka_admin import KafkaAdmin
from tests.ingest.cli.conftest import facts
from tests.integration.deployment import Deployment, header, wait_until
from tests.integration.records import SHOPIFY, shopify, shopify_order
from tests.integration.test_recover import commit, empty, order, recover
from tests.integration.test_waiting import refund

pytestmark = [pytest.mark.stack, pytest.mark.long]

KEY = f"{SHOPIFY}/1"


def violations(deployment: Deployment) -> list[dict]:
    """What the independent audit names, of outputs and database."""
    with deployment.environ():
        os.environ["COLUMNS"] = "200"
        told = CliRunner().invoke(app, ["audit", "--database", "--json"])
    assert told.exit_code in (0, 1), told.output
    return [fact for fact in facts(told) if "violation" in fact or "rule" in fact]


def published_once(deployment: Deployment) -> dict[str, list]:
    """No output is there twice; gives the records by topic."""
    outputs = deployment.read(
        "oms.orders.v1", "oms.order-changes.v1", "oms.guest-conversions.v1", "oms.quality-findings.v1",
        "oms.quarantine.v1",
    )  # fmt: skip
    for topic, records in outputs.items():
        names = [header(one, "ce_id") for one in records]
        assert len(names) == len(set(names)), topic
    return outputs


def admin(deployment: Deployment) -> AdminClient:
    return AdminClient({"bootstrap.servers": deployment.endpoints.kafka_bootstrap_servers})


def made_again(deployment: Deployment, partitions: int = 3) -> None:
    """Delete the raw topic and make it again."""
    client = admin(deployment)
    for future in client.delete_topics([SHOPIFY]).values():
        future.result()
    with KafkaAdmin(deployment.endpoints.kafka_bootstrap_servers) as asked:
        wait_until(lambda: not asked.existing([SHOPIFY]), 20, "the topic is gone")
        for future in client.create_topics([NewTopic(SHOPIFY, partitions, 1)]).values():
            future.result()
        wait_until(lambda: bool(asked.existing([SHOPIFY])), 20, "the topic is there again")


def decided_and_killed(deployment: Deployment, records: list, point: str = "before_publish:3") -> None:
    deployment.settings |= {"ORDERGATE_BATCH_SIZE": "5", "ORDERGATE_GROUP_PROTOCOL": "classic"}
    deployment.publish(records)
    doomed = deployment.start(f"kill:{point}")
    assert doomed.process.wait(120) == -9, doomed.text()
    empty(deployment)


def go_on(deployment: Deployment, events: int) -> None:
    before = deployment.decided()
    deployment.publish([order(n) for n in range(2000, 2000 + events)])
    worker = deployment.start()
    deployment.wait_decided(before + events)
    assert "partition_halted" not in worker.text()


def test_a_topic_that_was_made_again_is_read_from_its_start(deployment: Deployment):
    """What the old topic left undone is done, its rows are put aside, and the new topic's events are decided."""
    early = shopify(refund(9_999, 70), "refunds/create", partition=1)
    broken = shopify(shopify_order(900, total_price="oops"), "orders/create", partition=1)
    decided_and_killed(deployment, [early, broken, *[order(n) for n in range(1, 31)]])
    decided = deployment.decided()
    made_again(deployment)
    deployment.publish([shopify(shopify_order(901, total_price="oops"), "orders/create", partition=1)])

    plans = facts(recover(deployment, "--json"))
    assert {plan["cause"] for plan in plans} == {"the topic was deleted and made again"} and len(plans) == 3
    assert all(plan["choices"] == ["restart-topic"] and not plan["steps"] for plan in plans)
    repaired = recover(deployment, "--mode", "restart-topic", "--apply")
    assert repaired.exit_code == 0, repaired.output
    go_on(deployment, 20)
    deployment.wait_decided(decided + 1 + 20)

    outcomes = deployment.rows("SELECT topic, raw_offset, outcome FROM outcomes ORDER BY raw_offset")
    old = [row for row in outcomes if row[0].startswith(f"{SHOPIFY}@")]
    assert len(old) == decided and [row[2] for row in old[:2]] == ["QUARANTINED", "QUARANTINED"]
    assert len([row for row in outcomes if row[0] == SHOPIFY]) == 21
    assert deployment.rows("SELECT count(*) FROM parked") == [(0,)]
    assert deployment.rows("SELECT count(DISTINCT topic), count(*) FROM quarantine") == [(2, 3)]
    outputs = published_once(deployment)
    assert len(outputs["oms.orders.v1"]) == decided - 2 + 20
    assert len(outputs["oms.quarantine.v1"]) == 3
    assert violations(deployment) == [], "outputs of the old topic explain themselves"


def test_a_log_that_lost_its_end_is_read_on_from_there(deployment: Deployment):
    """Positions that come again mean other events: they are decided, too, and nothing is published twice."""
    decided_and_killed(deployment, [order(n) for n in range(1, 31)])
    decided = deployment.decided()
    made_again(deployment)
    deployment.publish([order(n) for n in range(500, 503)])
    with KafkaAdmin(deployment.endpoints.kafka_bootstrap_servers) as asked:
        topic_id = asked.existing([SHOPIFY])[SHOPIFY].topic_id
    # As if it were the same topic, and read by a version that did not remember leader epochs.
    deployment.rows_written(
        f"UPDATE positions SET topic_id = '{topic_id}', leader_epoch = NULL WHERE topic = '{SHOPIFY}'"
    )

    (plan,) = facts(recover(deployment, "--json"))
    assert plan["cause"] == "the position is outside the log" and plan["choices"] == ["continue-at-end"]
    assert recover(deployment, "--mode", "continue-at-end", "--apply").exit_code == 0
    assert deployment.rows("SELECT first_offset, next_offset FROM gaps") == [(0, decided)]
    go_on(deployment, 20)
    deployment.wait_decided(decided + 3 + 20)
    outputs = published_once(deployment)
    assert len(outputs["oms.orders.v1"]) == decided + 3 + 20
    kept = deployment.rows("SELECT topic, count(*) FROM outcomes GROUP BY topic ORDER BY topic")
    assert [count for _, count in kept] == [3 + 20, decided], kept
    assert violations(deployment) == [], "outputs of the lost end explain themselves"


def test_events_that_retention_removed_unread_are_named_and_noted(deployment: Deployment):
    """The exact gap is shown before, and kept after; what was decided before it is published all the same."""
    decided_and_killed(deployment, [order(n) for n in range(1, 31)])
    (position,) = deployment.rows("SELECT next_offset FROM positions WHERE topic = %s AND partition = 1", SHOPIFY)
    decided, low = position[0], 25
    client = admin(deployment)
    for future in client.delete_records([TopicPartition(SHOPIFY, 1, low)]).values():
        future.result()

    (plan,) = facts(recover(deployment, "--json"))
    assert plan["cause"] == "the position is outside the log" and plan["choices"] == ["skip-to-start"]
    assert any(f"offsets {decided} to 24 were removed" in line for line in plan["known"])
    assert recover(deployment, "--mode", "continue-at-end", "--apply").exit_code == 1, "another mode does nothing"
    assert recover(deployment, "--mode", "skip-to-start", "--apply").exit_code == 0
    assert deployment.rows("SELECT partition, first_offset, next_offset FROM gaps") == [(1, decided, low)]
    go_on(deployment, 20)
    deployment.wait_decided(decided + 5 + 20)
    assert len(published_once(deployment)["oms.orders.v1"]) == decided + 5 + 20
    assert violations(deployment) == []


def without_newest_row(deployment: Deployment) -> tuple[int, int]:
    """The journal loses its newest row; gives its offsets."""
    (row,) = deployment.rows(
        "SELECT sequence, base_offset, next_offset FROM journal WHERE topic = %s ORDER BY sequence DESC LIMIT 1",
        SHOPIFY,
    )
    deployment.rows_written(f"DELETE FROM journal WHERE sequence = {row[0]} AND partition = 1")
    commit(deployment, TopicPartition(SHOPIFY, 1, row[1], f"ordergate:{row[0] - 1}"))
    return row[1], row[2]


def test_rows_that_the_journal_lost_and_readers_have_are_settled(deployment: Deployment):
    """Everything the gap should have published is visible: nobody has to accept a loss."""
    decided_and_killed(deployment, [order(n) for n in range(1, 31)], "after_publish:3")
    without_newest_row(deployment)
    (plan,) = facts(recover(deployment, "--json"))
    assert plan["cause"] == "the journal has a gap" and plan["choices"] == [] and len(plan["steps"]) == 1
    assert recover(deployment, "--apply").exit_code == 0
    go_on(deployment, 20)
    published_once(deployment)
    assert violations(deployment) == []


def test_rows_that_the_journal_lost_and_nobody_has_are_named(deployment: Deployment):
    """The loss is exact, a person accepts it, and the audit names just these events afterwards."""
    decided_and_killed(deployment, [order(n) for n in range(1, 31)])
    base, following = without_newest_row(deployment)
    (plan,) = facts(recover(deployment, "--json"))
    assert plan["cause"] == "the journal has a gap" and plan["choices"] == ["accept-gap"]
    lost = ", ".join(str(offset) for offset in range(base, following))
    assert any(f"offsets {lost}" in line for line in plan["at_risk"]), plan
    assert recover(deployment, "--mode", "accept-gap", "--apply").exit_code == 0
    assert deployment.rows("SELECT first_offset, next_offset FROM gaps") == [(base, following)]
    go_on(deployment, 20)
    published_once(deployment)
    named = {str(fact) for fact in violations(deployment)}
    assert named and all(any(f"{KEY}/{offset}" in one for offset in range(base, following)) for one in named)
