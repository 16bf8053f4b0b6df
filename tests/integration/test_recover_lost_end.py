"""A raw log that lost its end and grew again: no event that took a lost one's place is skipped, none is lost unsaid."""

from __future__ import annotations

from contextlib import suppress

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from consumers.kafka_consumer import consumer_config
from deploy.local.stack import Stack
from ingest.epoch_ends import epoch_ends
from ingest.errors import BrokerAway
from tests.faults.kafka_log import PartitionLog
from tests.ingest.cli.conftest import facts
from tests.integration.deployment import Deployment, halted, wait_until
from tests.integration.records import SHOPIFY
from tests.integration.test_recover import goes_on, order, recover
from tests.integration.test_recover_raw_log import go_on, published_once, violations

pytestmark = [pytest.mark.stack, pytest.mark.long]

KEY = (SHOPIFY, 1)
CUT = "the log lost its end and has grown again"
BATCH = 5
DECIDED, LOST = 12, 4


def restart(stack: Stack, deployment: Deployment, lost: int = 0) -> None:
    """The broker ends and comes back, without so many events at the end of the raw partition."""
    stack.kafka.stop()
    if lost:
        log = PartitionLog(stack.kafka.folder / "data", *KEY)
        log.cut(next(one.begin for one in log.batches() if one.first_offset == DECIDED - lost))
    stack.kafka.start()
    wait_until(lambda: leads(deployment), 30, "the partition has a leader")


def leads(deployment: Deployment) -> bool:
    with suppress(BrokerAway):
        return bool(epoch_ends(deployment.endpoints.kafka_bootstrap_servers, {KEY: 0}))
    return False


def one_by_one(deployment: Deployment, first: int, count: int) -> None:
    """Each in a batch of its own, so that a log can be cut between any two."""
    for number in range(first, first + count):
        deployment.publish([order(number)])


def test_a_log_that_grew_past_the_position_is_read_from_where_it_differs(deployment: Deployment, running_stack: Stack):
    """Nobody would miss the events that now lie below the position: the partition halts, and they are decided, too."""
    deployment.settings["ORDERGATE_BATCH_SIZE"] = str(BATCH)
    one_by_one(deployment, 1, DECIDED)
    first = deployment.start()
    deployment.wait_decided(DECIDED)
    assert first.stop() == 0
    restart(running_stack, deployment, LOST)
    grown = LOST + 4
    deployment.publish([order(n) for n in range(500, 500 + grown)])

    worker = deployment.start()
    wait_until(lambda: KEY in halted(worker.text()), 60, "the partition halts", deployment.state)
    assert halted(worker.text()) == {KEY: CUT}
    assert deployment.decided() == DECIDED, "nothing behind the position was decided"
    assert worker.stop() == 0

    (plan,) = facts(recover(deployment, "--json"))
    assert (plan["cause"], plan["choices"], plan["steps"]) == (CUT, ["continue-at-end"], [])
    assert any(f"below offset {DECIDED - LOST}, " in line for line in plan["known"]), plan
    assert recover(deployment, "--mode", "continue-at-end", "--apply").exit_code == 0
    assert deployment.rows("SELECT partition, first_offset, next_offset FROM gaps") == [(1, DECIDED - LOST, DECIDED)]
    go_on(deployment, 20)
    deployment.wait_decided(DECIDED + grown + 20)
    assert len(published_once(deployment)["oms.orders.v1"]) == DECIDED + grown + 20
    aside = deployment.rows("SELECT min(raw_offset), count(*) FROM outcomes WHERE topic LIKE %s", f"{SHOPIFY}@%")
    assert aside == [(DECIDED - LOST, LOST)], "what was decided of the lost end stays decided"
    assert violations(deployment) == []


def test_a_client_that_has_read_nothing_since_its_start_notices_it(deployment: Deployment, running_stack: Stack):
    """A partition waits for another one while its leader is replaced by one that knows less: no message comes then."""
    one_by_one(deployment, 1, DECIDED)
    servers = deployment.endpoints.kafka_bootstrap_servers
    consumer = Consumer(consumer_config(servers, deployment.group_id, "classic", "0", 6000))
    consumer.assign([TopicPartition(*KEY, DECIDED, leader_epoch=0)])
    assert consumer.poll(2) is None
    consumer.pause([TopicPartition(*KEY)])
    restart(running_stack, deployment, LOST)
    deployment.publish([order(n) for n in range(500, 500 + LOST + 4)])
    consumer.resume([TopicPartition(*KEY)])
    given = next(one for one in (consumer.poll(1) for _ in range(30)) if one is not None)
    consumer.close()
    error = given.error()
    assert error is not None and error.code() == KafkaError._AUTO_OFFSET_RESET


def test_a_broker_that_was_only_restarted_stops_nothing(deployment: Deployment, running_stack: Stack):
    """Each restart raises the leader epoch: events of several epochs are decided as if nothing had been."""
    one_by_one(deployment, 1, DECIDED)
    first = deployment.start()
    deployment.wait_decided(DECIDED)
    assert first.stop() == 0
    epochs = deployment.rows("SELECT leader_epoch FROM positions WHERE topic = %s AND partition = 1", SHOPIFY)
    restart(running_stack, deployment)
    assert facts(recover(deployment, "--json")) == []
    goes_on(deployment, DECIDED)
    assert deployment.rows("SELECT leader_epoch FROM positions WHERE topic = %s AND partition = 1", SHOPIFY) > epochs
