"""A transactional librdkafka producer on the simulated broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tests.simulation.broker import OFFSETS, Record, Refusal, TopicPartitionKey, TryLater
from tests.simulation.kafka_link import Link, failure

_FENCED = frozenset({KafkaError.INVALID_PRODUCER_EPOCH})


class SimulatedProducer:
    """One producer instance. Records are sent by its own thread as soon as they are produced."""

    def __init__(self, link: Link, config: dict[str, Any]) -> None:
        self._link = link
        self._broker = link.broker
        self._world = link.broker.world
        self._id: str = config["transactional.id"]
        self._timeout_s: float = config["transaction.timeout.ms"] / 1000
        self._interval_s: float = config["statistics.interval.ms"] / 1000
        self._on_statistics: Callable[[str], None] | None = config.get("stats_cb")
        self._told_at = self._world.now
        self._epoch = -1
        self._in_transaction = False
        self._committing = False
        self._added: set[TopicPartitionKey] = set()
        self._batches: dict[TopicPartitionKey, list[Record]] = {}
        self._outstanding = 0
        self._wake: Callable[[], None] = lambda: None
        self._error: KafkaException | None = None
        """What every later call raises: fatal, or until the transaction is aborted."""
        self._closed = False

    def init_transactions(self, timeout: float) -> None:
        def apply() -> tuple[int, int]:
            return self._broker.initialise(self._id, self._timeout_s)

        _, self._epoch = self._request("init_transactions", "InitProducerId", apply, timeout)

    def begin_transaction(self) -> None:
        self._link.process.check()
        if self._committing or self._in_transaction:
            raise failure(KafkaError._CONFLICT if self._committing else KafkaError._STATE)
        self._raise_error()
        self._in_transaction = True
        self._added.clear()

    def produce(self, topic: str, value: bytes | None, key: bytes | None, *, headers: list[tuple[str, bytes]]) -> None:
        assert key is not None and self._in_transaction
        where = self._broker.partition_of(topic, key)
        batch = self._batches.setdefault(where, [])
        if not batch:
            self._deliver_later(where, batch, self._link.weather.latency())
        batch.append(Record(key, value, headers, 0))
        self._outstanding += 1

    def poll(self, timeout: float) -> int:
        """Serve the statistics that were made since the last call, each as of its own time."""
        self._link.process.check()
        next_one = self._told_at + self._interval_s
        if next_one > self._world.now and timeout > 0:
            self._link.process.sleep(min(timeout, next_one - self._world.now))
        ticks = int((self._world.now - self._told_at) / self._interval_s + 1e-9)
        if ticks > 0:
            self._told_at += ticks * self._interval_s
            if self._on_statistics is not None:
                self._on_statistics(self._statistics(self._told_at))
        return 0

    def flush(self, timeout: float) -> int:
        process = self._link.process
        process.check()
        self._link.weather.strike(process, "flush")
        until = self._world.now + timeout
        while self._outstanding and self._world.now < until:
            self._wake = process.notifier()
            process.wait(until - self._world.now)
        return self._outstanding

    def send_offsets_to_transaction(
        self, positions: list[TopicPartition], group_metadata: object, timeout: float
    ) -> None:
        self._raise_error()
        if not positions:
            return
        offsets = {(p.topic, p.partition): (p.offset, p.metadata or "") for p in positions}
        epoch, call = self._epoch, "send_offsets_to_transaction"

        def add() -> None:
            self._broker.add_partitions(self._id, epoch, [OFFSETS])

        def commit() -> None:
            self._broker.add_offsets(self._id, epoch, group_metadata, offsets)

        self._request(call, "AddOffsetsToTxn", add, timeout)
        self._added.add(OFFSETS)
        self._request(call, "TxnOffsetCommit", commit, timeout)

    def commit_transaction(self, timeout: float) -> None:
        """After a time-out it may only be called again: whatever else is tried raises _CONFLICT."""
        if not self._committing:
            if self.flush(timeout):
                raise failure(KafkaError._TIMED_OUT, retriable=True)
            self._raise_error()
        self._end("commit_transaction", timeout, committed=True)

    def abort_transaction(self, timeout: float) -> None:
        if self._committing:
            raise failure(KafkaError._CONFLICT)
        if self._error is not None and self._error.args[0].fatal():
            raise self._error
        self._batches.clear()
        self._outstanding = 0
        self._end("abort_transaction", timeout, committed=False)
        self._error = None

    def close(self) -> None:
        """Aborts what is open, without waiting for it here; raises when fenced, as the real one does."""
        if self._closed or self._world.over or not self._link.process.alive:
            return
        self._closed = True
        if self._error is not None and self._error.args[0].fatal():
            raise self._error
        if self._in_transaction and self._added and not self._link.forgotten:
            epoch = self._epoch

            def apply() -> None:
                try:
                    self._broker.end(self._id, epoch, committed=False)
                except Refusal:
                    return

            self._link.process.in_background(self._link.weather.latency(), apply)

    # ---

    def _end(self, call: str, timeout: float, *, committed: bool) -> None:
        epoch = self._epoch

        def apply() -> None:
            self._broker.end(self._id, epoch, committed=committed)

        if self._added:
            self._committing = committed
            self._request(call, "EndTxn", apply, timeout)
        self._in_transaction = self._committing = False

    def _request(self, call: str, name: str, apply: Callable[[], Any], timeout: float) -> Any:
        try:
            return self._link.request(call, name, apply, timeout)
        except Refusal as refusal:
            self._fail(refusal.code)
            error = self._error
            assert error is not None
            if self._world.told:
                self._world.tell(self._link.process.name, f"{name}: {error.args[0].name()}")
            raise error from refusal

    def _fail(self, code: int) -> None:
        """As librdkafka classes errors: fenced is fatal, all others ask for an abort; of an abort, fatal."""
        if code in _FENCED:
            self._error = failure(KafkaError._FENCED, fatal=True)
        elif self._error is None or not self._error.args[0].fatal():
            again = self._error is not None and code == KafkaError.INVALID_TXN_STATE
            self._error = failure(code, fatal=again, abort=not again)

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _deliver_later(self, where: TopicPartitionKey, batch: list[Record], delay: float) -> None:
        self._link.process.in_background(delay, lambda: self._deliver(where, batch))

    def _deliver(self, where: TopicPartitionKey, batch: list[Record]) -> None:
        if self._batches.get(where) is not batch or self._closed or self._link.forgotten:
            return
        if self._world.now < self._broker.down_until:
            self._deliver_later(where, batch, self._broker.down_until - self._world.now + 0.05)
            return
        try:
            if where not in self._added:
                self._broker.add_partitions(self._id, self._epoch, [where])
                self._added.add(where)
            self._broker.produce(self._id, self._epoch, where, batch)
        except TryLater:
            self._deliver_later(where, batch, self._link.backoff_s)
            return
        except Refusal as refusal:
            self._fail(refusal.code)
        del self._batches[where]
        self._outstanding -= len(batch)
        if not self._outstanding:
            self._wake()

    def _statistics(self, at: float) -> str:
        brokers: dict[str, dict[str, Any]] = {
            name: {"req": {}, "disconnects": 0, "req_timeouts": 0} for name in ("TxnCoordinator", "localhost:9092/1")
        }
        for when, request, sent in self._link.counted:
            if when <= at:
                # The group's coordinator is asked on another connection than the transaction's.
                broker = brokers["localhost:9092/1" if request == "TxnOffsetCommit" else "TxnCoordinator"]
                if sent:
                    broker["req"][request] = broker["req"].get(request, 0) + 1
                else:
                    broker["disconnects"] += 1
        return orjson.dumps({"brokers": brokers}).decode()
