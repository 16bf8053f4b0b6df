"""The raw events of a benchmark: the demo stream of web and Shopify, published as channels do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import cast

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from bench.causes import Cause
from ingest.demo.records import Labelled, Mishap, RawRecord
from ingest.demo.stream import labelled_stream, stream

SEED = 2026

_MILLISECONDS_PER_EVENT = 800
"""The demo stream's own pace, rounded up: so far back starts a stream that ends about now."""


def fresh_records(events: int) -> Iterable[RawRecord]:
    """So many records, whose timestamps end about now."""
    return stream(SEED, events, _start(events))


def publish(bootstrap_servers: str, records: Iterable[RawRecord]) -> None:
    """Publish records as fast as the broker takes them."""
    producer = _producer(bootstrap_servers, linger_ms=5)
    failed: list[KafkaError] = []

    def on_delivery(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            failed.append(error)

    for record in records:
        while True:
            try:
                _produce(producer, record, on_delivery)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    producer.flush()
    if failed:
        raise KafkaException(failed[0])


@dataclass(frozen=True, slots=True)
class Sent:
    """A raw event with the moment at which its producer handed it over (nanoseconds, monotonic)."""

    cause: Cause
    at: int
    told: Labelled

    @property
    def waits(self) -> bool:
        """Whether it was sent before its order on purpose: then it waits for that, not for the pipeline."""
        return self.told.mishap is Mishap.BEFORE_ITS_ORDER


def publish_paced(bootstrap_servers: str, rate: float, seconds: float) -> list[Sent]:
    """Publish `rate` events per second for so long, evenly, each one at once."""
    events = int(rate * seconds)
    return pace(bootstrap_servers, list(labelled_stream(SEED, events, _start(events))), rate)


def pace(bootstrap_servers: str, labelled: Iterable[Labelled], rate: float) -> list[Sent]:
    """Publish these records, `rate` per second, evenly, each one at once."""
    producer = _producer(bootstrap_servers, linger_ms=0)
    sent: list[Sent] = []
    begin = time.monotonic()
    for number, told in enumerate(labelled):
        while (wait := begin + number / rate - time.monotonic()) > 0:
            producer.poll(min(wait, 0.01))
        at = time.monotonic_ns()
        _produce(producer, told.record, partial(_delivered, sent, at, told))
    producer.flush()
    return sent


def _delivered(sent: list[Sent], at: int, told: Labelled, error: KafkaError | None, message: Message) -> None:
    if error is not None:
        raise KafkaException(error)
    position = cast("tuple[str, int, int]", (message.topic(), message.partition(), message.offset()))
    sent.append(Sent(Cause(*position), at, told))


_OnDelivery = Callable[[KafkaError | None, Message], None]


def _producer(bootstrap_servers: str, linger_ms: int) -> Producer:
    return Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "linger.ms": linger_ms,
            "enable.idempotence": True,
            "log_level": 3,  # a broker that has only just started is no news
        }
    )


def _produce(producer: Producer, record: RawRecord, on_delivery: _OnDelivery) -> None:
    producer.produce(
        record.topic, record.value, record.key, headers=list(record.headers), timestamp=record.timestamp_ms,
        on_delivery=on_delivery,
    )  # fmt: skip


def _start(events: int) -> int:
    return time.time_ns() // 1_000_000 - events * _MILLISECONDS_PER_EVENT
