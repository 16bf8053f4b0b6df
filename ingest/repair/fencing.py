"""What a repair has in common with a worker: an owner id of its own, the fence, and a transactional publisher."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import confluent_kafka

from consumers.kafka_source import PartitionKey
from ingest.database import positions
from ingest.database.connection import Database
from ingest.database.positions import Fence
from ingest.settings import Settings
from ingest.telemetry.kafka_log import kafka_logger
from ingest.worker.watchdog import Watchdog
from producers.kafka_producer import Producer, producer_config
from producers.publisher import TransactionalPublisher, end_transaction_of


class Fencing:
    """Takes partitions from their last owners; to be used in `with open()`."""

    def __init__(self, given: Settings, database: Database) -> None:
        self._servers = given.kafka_bootstrap_servers
        self._database = database
        self._watchdog = Watchdog(given.kafka_call_deadline_s, time.monotonic)
        self._tunable = {
            "transaction_timeout_ms": given.transaction_timeout_ms,
            "retry_backoff_ms": given.retry_backoff_ms,
            "statistics_interval_ms": given.statistics_interval_ms,
        }
        self.publisher = TransactionalPublisher(
            _make_producer,
            producer_config(self._servers, f"{given.group_id}-recover", self._tunable),
            time.monotonic,
            self._watchdog.deadline,
            lambda _reason: None,
            lambda: time.time_ns() // 1000,
        )

    @contextmanager
    def open(self) -> Iterator[None]:
        """Kafka's calls are watched; the publisher is closed at the end."""
        self._watchdog.start()
        try:
            yield
        finally:
            self.publisher.close()
            self._watchdog.stop()

    def fence(self, key: PartitionKey) -> Fence | None:
        """Nobody else can decide for the partition afterwards, unless he takes it over; None without a position."""
        self.publisher.ensure_open()
        with self._database.transaction() as connection:
            return positions.fence(connection, *key, self.publisher.transactional_id)

    def end_transaction_of_owner(self, fence: Fence | None) -> None:
        """Nobody else can publish for the partition afterwards."""
        if fence is None or fence.released or fence.previous_owner in (None, self.publisher.transactional_id):
            return
        with self._watchdog.deadline("take_over"):
            config = producer_config(self._servers, fence.previous_owner, self._tunable)
            end_transaction_of(_make_producer, config, 30)

    def release(self, key: PartitionKey, fence: Fence) -> None:
        """Everything is published: the next owner need not end anything."""
        with self._database.transaction() as connection:
            positions.release(connection, *key, fence.epoch)


def _make_producer(config: dict[str, object]) -> Producer:
    return cast("Producer", confluent_kafka.Producer(config, logger=kafka_logger()))
