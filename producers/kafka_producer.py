"""The Kafka client that a publisher writes with: its calls, its settings, and how it is closed."""

# ruff: noqa: D102 -- the methods of the Producer protocol are confluent-kafka's own

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from confluent_kafka import KafkaException, TopicPartition

from producers.topics import MAX_RECORD_BYTES

_CLOSE_PATIENCE_S = 1.0


class Producer(Protocol):
    """What of a confluent-kafka Producer is used: so that a simulated one can stand in its place."""

    def init_transactions(self, timeout: float) -> None: ...
    def begin_transaction(self) -> None: ...
    def produce(
        self, topic: str, value: bytes | None, key: bytes | None, *, headers: list[tuple[str, bytes]]
    ) -> None: ...
    def poll(self, timeout: float) -> int: ...
    def flush(self, timeout: float) -> int: ...
    def send_offsets_to_transaction(
        self, positions: list[TopicPartition], group_metadata: object, timeout: float
    ) -> None: ...
    def commit_transaction(self, timeout: float) -> None: ...
    def abort_transaction(self, timeout: float) -> None: ...
    def close(self) -> object: ...


def producer_config(bootstrap_servers: str, transactional_id: str, settings: Mapping[str, int]) -> dict[str, Any]:
    """Settings of every transactional producer; `settings` gives the tunable ones in milliseconds."""
    return {
        "bootstrap.servers": bootstrap_servers,
        "transactional.id": transactional_id,
        "transaction.timeout.ms": settings["transaction_timeout_ms"],
        # The default, rebootstrap, forgets the coordinator after one lost connection and then hangs for ever.
        "metadata.recovery.strategy": "none",
        "retry.backoff.ms": settings["retry_backoff_ms"],
        # It doubles otherwise: a transaction that meets the markers of the last one twice would wait for long.
        "retry.backoff.max.ms": settings["retry_backoff_ms"],
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 1000,
        "statistics.interval.ms": settings["statistics_interval_ms"],
        "linger.ms": 0,
        "compression.type": "lz4",
        "message.max.bytes": MAX_RECORD_BYTES,
        "queue.buffering.max.messages": 1_000_000,
        "queue.buffering.max.kbytes": 1_048_576,
    }


@contextmanager
def fatal_error_told() -> Iterator[None]:
    """Tells a fatal error as the KafkaException it is.

    confluent-kafka raises it in whichever call serves callbacks (confluent_kafka.c, error_cb). When another callback
    runs later in the same call, the interpreter finds the exception still set and tells a SystemError, caused by it.
    """
    try:
        yield
    except SystemError as error:
        if isinstance(error.__cause__, KafkaException):
            raise error.__cause__ from None
        raise


def close_producer(producer: Producer) -> None:
    """Close without waiting: `close()` raises on a fenced producer and blocks while the broker is away."""

    def close() -> None:
        try:
            with fatal_error_told():
                producer.close()
        except KafkaException:
            return  # a fatal producer says so once more when it is closed

    thread = threading.Thread(target=close, name="close-producer", daemon=True)
    thread.start()
    thread.join(_CLOSE_PATIENCE_S)
