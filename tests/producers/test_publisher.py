"""A producer is replaced when one of its requests may have been sent twice, and only then."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import orjson
import pytest
from confluent_kafka import TopicPartition

from producers.publisher import TransactionalPublisher, producer_config

TUNABLE = {"transaction_timeout_ms": 10_000, "retry_backoff_ms": 50, "statistics_interval_ms": 100}


class SlowBroker:
    """Its time, in seconds, and a client whose every commit takes as long as one that was retried unseen."""

    def __init__(self) -> None:
        self.now = 0.0

    def client(self, config: dict[str, Any]) -> SlowBroker:
        self._report = config["stats_cb"]
        self._sent = {"EndTxn": 0, "TxnOffsetCommit": 0}
        return self

    def poll(self, _timeout: float) -> int:
        self.now += 0.1
        coordinator = {"req": {"EndTxn": self._sent["EndTxn"]}, "disconnects": 0, "req_timeouts": 0}
        of_group = {"req": {"TxnOffsetCommit": self._sent["TxnOffsetCommit"]}}
        self._report(orjson.dumps({"brokers": {"TxnCoordinator": coordinator, "other": of_group}}).decode())
        return 1

    def send_offsets_to_transaction(self, offsets: list[TopicPartition], _metadata: object, _timeout: float) -> None:
        # librdkafka, rd_kafka_send_offsets_to_transaction: nothing is sent when there is no offset.
        self._sent["TxnOffsetCommit"] += bool(offsets)

    def commit_transaction(self, _timeout: float) -> None:
        self.now += 0.05
        self._sent["EndTxn"] += 1

    def init_transactions(self, _timeout: float) -> None: ...
    def begin_transaction(self) -> None: ...
    def produce(self, *_record: object, **_headers: object) -> None: ...
    def abort_transaction(self, _timeout: float) -> None: ...
    def close(self) -> None: ...

    def flush(self, _timeout: float) -> int:
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
