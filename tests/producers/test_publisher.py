"""A producer is replaced when one of its requests may have been sent twice, and only then."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import orjson
import pytest
from confluent_kafka import KafkaError, TopicPartition

from producers.kafka_producer import producer_config
from producers.publisher import Doubt, TransactionalPublisher

TUNABLE = {"transaction_timeout_ms": 10_000, "retry_backoff_ms": 50, "statistics_interval_ms": 100}


class SlowBroker:
    """Its time, in seconds, and a client whose every commit takes as long as one that was retried unseen."""

    def __init__(self) -> None:
        self.now = 0.0
        self.group_coordinator = "UP"
        self.receipts = 0
        self.on_flush: Callable[[], None] = lambda: None

    def client(self, config: dict[str, Any]) -> SlowBroker:
        self._report, self.complain = config["stats_cb"], config["error_cb"]
        self._sent = {"EndTxn": 0, "TxnOffsetCommit": 0}
        return self

    def poll(self, _timeout: float) -> int:
        self.now += 0.1
        coordinator = {"req": {"EndTxn": self._sent["EndTxn"]}, "disconnects": 0, "req_timeouts": 0}
        brokers = {"TxnCoordinator": coordinator}
        if self.group_coordinator:
            requests = {"TxnOffsetCommit": self._sent["TxnOffsetCommit"]}
            brokers["127.0.0.1:9092/1"] = {"req": requests, "state": self.group_coordinator}
        self._report(orjson.dumps({"brokers": brokers}).decode())
        return 1

    def send_offsets_to_transaction(self, offsets: list[TopicPartition], _metadata: object, _timeout: float) -> None:
        # librdkafka, rd_kafka_send_offsets_to_transaction: nothing is sent when there is no offset.
        self._sent["TxnOffsetCommit"] += bool(offsets)
        self.receipts += 1

    def commit_transaction(self, _timeout: float) -> None:
        self.now += 0.05
        self._sent["EndTxn"] += 1

    def init_transactions(self, _timeout: float) -> None: ...
    def begin_transaction(self) -> None: ...
    def produce(self, *_record: object, **_headers: object) -> None: ...
    def abort_transaction(self, _timeout: float) -> None: ...
    def close(self) -> None: ...

    def flush(self, _timeout: float) -> int:
        self.on_flush()
        return 0


@pytest.mark.parametrize("offsets", [[], [TopicPartition("raw", 0, 7, "ordergate:1")]], ids=["without", "with"])
def test_slow_transactions_in_a_row_need_no_new_producer(offsets):
    """A repair that publishes outputs again, without offsets, is not cut off by a broker that is merely slow."""
    broker, replaced = SlowBroker(), list[str]()
    publisher = TransactionalPublisher(
        broker.client, producer_config("unused", "slot", TUNABLE), lambda: broker.now, lambda _call: nullcontext(),
        replaced.append, lambda: 1,
    )  # fmt: skip
    publisher.ensure_open()
    for _ in range(3):
        publisher.publish([], offsets, b"")
    assert replaced == []


OFFSETS = [TopicPartition("raw", 0, 7, "ordergate:1")]


def opened(broker: SlowBroker, replaced: list[str]) -> TransactionalPublisher:
    publisher = TransactionalPublisher(
        broker.client, producer_config("unused", "slot", TUNABLE), lambda: broker.now, lambda _call: nullcontext(),
        replaced.append, lambda: 1,
    )  # fmt: skip
    publisher.ensure_open()
    publisher.publish([], OFFSETS, b"")
    return publisher


@pytest.mark.parametrize("state", ["DOWN", ""], ids=["listed", "no longer listed"])
@pytest.mark.parametrize("when", ["before", "while it publishes"])
def test_a_client_that_lost_the_groups_coordinator_is_not_asked_to_commit_there(state: str, when: str):
    """It would wait for that broker for ever; a new client finds the new coordinator, and the next batch goes on."""
    broker, replaced = SlowBroker(), list[str]()
    publisher = opened(broker, replaced)

    def lose() -> None:
        broker.group_coordinator = state
        broker.complain(KafkaError(KafkaError._TRANSPORT))

    if when == "before":
        lose()
    else:
        broker.on_flush = lose
    with pytest.raises(Doubt):
        publisher.publish([], OFFSETS, b"")
    assert (len(replaced), broker.receipts) == (1, 1)


def test_a_client_that_lost_another_broker_goes_on():
    """Leaders come and go; only the two coordinators matter to a transaction's end."""
    broker, replaced = SlowBroker(), list[str]()
    publisher = opened(broker, replaced)
    broker.on_flush = lambda: broker.complain(KafkaError(KafkaError._TRANSPORT))
    publisher.publish([], OFFSETS, b"")
    assert (replaced, broker.receipts) == ([], 2)
