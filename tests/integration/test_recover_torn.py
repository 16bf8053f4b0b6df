"""A transaction that a broker left open for ever is ended as its other partitions say, and nothing is doubled."""

from __future__ import annotations

import json

import pytest
from confluent_kafka import Producer

from ingest.database.journal import JournalRow
from producers.journal_records import unpack
from producers.records import OutputRecord
from tests.ingest.cli.conftest import facts
from tests.integration.deployment import Deployment, audit, wait_until
from tests.integration.records import SHOPIFY
from tests.integration.test_recover import empty, goes_on, order, recover
from tests.integration.torn_transaction import ForgottenProducer, unverified

pytestmark = [pytest.mark.stack, pytest.mark.long]


def decided_not_published(deployment: Deployment) -> JournalRow:
    """A partition whose newest row is in the journal and not in Kafka, its worker killed."""
    deployment.settings |= {
        "ORDERGATE_BATCH_SIZE": "5",
        "ORDERGATE_GROUP_PROTOCOL": "classic",
        "ORDERGATE_TRANSACTION_TIMEOUT_MS": "1000",
        "ORDERGATE_STABLE_OFFSET_DEADLINE_S": "11",
    }
    deployment.publish([order(n) for n in range(1, 31)])
    doomed = deployment.start("kill:before_publish:3")
    assert doomed.process.wait(40) == -9, doomed.text()
    empty(deployment)
    (newest,) = deployment.rows(
        "SELECT topic, partition, sequence, base_offset, next_offset, record_count, records FROM journal "
        "WHERE topic = %s AND partition = 1 ORDER BY sequence DESC LIMIT 1", SHOPIFY,
    )  # fmt: skip
    return JournalRow(*newest)


def publish(deployment: Deployment, records: list[OutputRecord]) -> None:
    """Publish records in a transaction that commits."""
    servers = deployment.endpoints.kafka_bootstrap_servers
    producer = Producer({"bootstrap.servers": servers, "transactional.id": f"{deployment.group_id}-torn"})
    producer.init_transactions(10)
    producer.begin_transaction()
    for topic, key, value, headers in records:
        producer.produce(topic, value, key, headers=headers)
    producer.commit_transaction(10)


def halts(deployment: Deployment) -> None:
    worker = deployment.start()
    wait_until(lambda: "partition_halted" in worker.text(), 60, "the worker gives up waiting", deployment.state)
    assert "does not become stable" in worker.text()
    assert worker.stop() == 0
    empty(deployment)


@pytest.mark.parametrize("visible", ["all", "some", "none"])
def test_a_torn_transaction_gets_the_end_that_it_has_elsewhere(deployment: Deployment, visible: str):
    """What is visible anywhere was committed; what is visible nowhere is aborted and published from the journal."""
    row = decided_not_published(deployment)
    records = unpack(row.records)
    servers = deployment.endpoints.kafka_bootstrap_servers
    torn = ForgottenProducer(servers, f"{deployment.group_id}-0")
    held = [one for one in records if one.topic == "oms.orders.v1"]
    with unverified(servers):
        if visible == "all":
            publish(deployment, records)
        else:
            # One partition of the output has the records of the torn transaction, open.
            torn.produce(0, held)
        if visible == "some":
            publish(deployment, [one for one in records if one not in held])
        torn.commit_offset(deployment.group_id, SHOPIFY, 1, row.next_offset, f"ordergate:{row.sequence}")
    halts(deployment)
    told = recover(deployment, f"{SHOPIFY}/1", "--json")
    assert told.exit_code == 1, told.output
    (plan,) = facts(told)
    assert len(plan["steps"]) == 1, json.dumps(plan, indent=1)
    (step,) = plan["steps"]
    assert ("COMMIT" in step) == (visible != "none"), plan
    assert ("oms.orders.v1/0" in step) == (visible != "all"), plan
    repaired = recover(deployment, "--apply", "--json")
    assert repaired.exit_code == 0, repaired.output
    goes_on(deployment, 30)


def test_readers_are_freed_of_a_record_that_was_published_again(deployment: Deployment):
    """An aborted transaction whose marker an output partition lacks keeps its readers waiting: they get on."""
    deployment.publish([order(n) for n in range(1, 11)])
    worker = deployment.start()
    deployment.wait_decided(10)
    assert worker.stop() == 0
    (packed,) = deployment.rows("SELECT records FROM journal WHERE topic = %s ORDER BY sequence LIMIT 1", SHOPIFY)
    first = next(one for one in unpack(packed[0]) if one.topic == "oms.order-changes.v1")
    published = deployment.read("oms.order-changes.v1")["oms.order-changes.v1"]
    (place,) = [m.partition() for m in published if dict(m.headers())["ce_id"] == dict(first.headers)["ce_id"]]
    servers = deployment.endpoints.kafka_bootstrap_servers
    with unverified(servers):
        ForgottenProducer(servers, "somebody").produce(place, [first])
    (plan,) = facts(recover(deployment, "--json"))
    assert (plan["topic"], plan["partition"]) == ("oms.order-changes.v1", place)
    assert "ABORT" in plan["steps"][0], plan
    repaired = recover(deployment, "--apply")
    assert repaired.exit_code == 0, repaired.output
    assert facts(recover(deployment, "--json")) == []
    audit(deployment)


@pytest.mark.parametrize("decided", ["not at all", "otherwise"])
def test_readers_are_freed_of_what_the_database_did_not_keep(deployment: Deployment, decided: str):
    """Sent ahead of a commit that failed, and left open by a broker: nobody has seen it, and nobody ever will."""
    deployment.publish([order(n) for n in range(1, 11)])
    worker = deployment.start()
    deployment.wait_decided(10)
    assert worker.stop() == 0
    rows = (
        "SELECT records, topic, partition, next_offset FROM journal WHERE topic = %s ORDER BY recorded_at DESC LIMIT 1"
    )
    ((packed, topic, partition, following),) = deployment.rows(rows, SHOPIFY)
    sent = next(one for one in unpack(packed) if one.topic == "oms.orders.v1")
    cause = following if decided == "not at all" else following - 1
    headers = {
        **dict(sent.headers),
        "ce_id": b"of-no-journal-row",
        "ordergate_cause": f"{topic}/{partition}/{cause}".encode(),
    }
    servers = deployment.endpoints.kafka_bootstrap_servers
    with unverified(servers):
        ForgottenProducer(servers, "somebody").produce(0, [sent._replace(headers=list(headers.items()))])
    (plan,) = facts(recover(deployment, "--json"))
    assert "ABORT" in plan["steps"][0] and "did not keep" in json.dumps(plan), plan
    repaired = recover(deployment, "--apply")
    assert repaired.exit_code == 0, repaired.output
    assert facts(recover(deployment, "--json")) == []
    audit(deployment)
