"""A careful loop by hand on confluent-kafka: consume, map, serialise with AvroSerializer, produce.

`exactly-once` is the consume-transform-produce transaction of confluent-kafka-python's own examples
(`examples/eos-transactions.py`): offsets go with the output, in one transaction per batch, under a stable id.
`at-least-once` flushes the producer before it commits the offsets, synchronously (its page "Kafka Consumer": commit
after processing). Both end at any error that they do not understand, and a supervisor starts them again.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Any, cast

import orjson
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from bench.peers.arguments import Arguments, parse
from bench.peers.work import CAUSE_HEADER, SCHEMA_TEXT, SERIALIZER_SETTINGS, canonical_order, cause

_BATCH = 1000
_TIMEOUT_S = 30.0


class Loop:
    """One consumer, one producer, one batch at a time."""

    def __init__(self, given: Arguments) -> None:
        self._target = given.target
        self._exactly_once = given.options["guarantee"] == "exactly-once"
        self._consumer = Consumer(
            {
                "bootstrap.servers": given.servers,
                "group.id": given.group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": int(given.options["session_timeout_ms"]),
                "fetch.queue.backoff.ms": 10,
            }
        )
        self._consumer.subscribe([given.source])
        config: dict[str, Any] = {
            "bootstrap.servers": given.servers,
            "enable.idempotence": True,
            "compression.type": "lz4",
        }
        if self._exactly_once:
            config |= {"transactional.id": given.group, "transaction.timeout.ms": 10_000}
        self._producer = Producer(config)
        if self._exactly_once:
            self._producer.init_transactions(_TIMEOUT_S)
        self._serialise = AvroSerializer(
            SchemaRegistryClient({"url": given.registry}), SCHEMA_TEXT, conf=SERIALIZER_SETTINGS
        )
        self._context = SerializationContext(given.target, MessageField.VALUE)
        self._failed: list[str] = []
        self.is_stopping = False

    def run(self) -> None:
        """Work until stopped."""
        try:
            while not self.is_stopping:
                # The first message ends the wait; what else is there comes along. No batch waits to be full.
                first = self._consumer.poll(0.1)
                if first is not None:
                    self._process([first, *self._consumer.consume(_BATCH - 1, 0)])
        finally:
            self._consumer.close()

    def _process(self, messages: Sequence[Message]) -> None:
        if self._exactly_once:
            self._producer.begin_transaction()
        next_offsets: dict[tuple[str, int], int] = {}
        for message in messages:
            if (error := message.error()) is not None:
                raise KafkaException(error)
            topic, partition, offset = str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)
            document = orjson.loads(message.value() or b"")
            headers = cast("list[tuple[str, bytes | None]]", message.headers() or [])
            order = canonical_order(document, headers, message.timestamp()[1])
            self._producer.produce(
                self._target,
                self._serialise(order, self._context),
                order["order_id"].encode(),
                headers=[(CAUSE_HEADER, cause(topic, partition, offset))],
                on_delivery=self._on_delivery,
            )
            self._producer.poll(0)
            next_offsets[topic, partition] = offset + 1
        offsets = [TopicPartition(*key, offset) for key, offset in next_offsets.items()]
        if self._exactly_once:
            metadata = self._consumer.consumer_group_metadata()
            self._producer.send_offsets_to_transaction(offsets, metadata, _TIMEOUT_S)
            self._producer.commit_transaction(_TIMEOUT_S)
        else:
            if self._producer.flush(_TIMEOUT_S) or self._failed:
                raise RuntimeError(f"not delivered: {self._failed or 'in time'}")
            self._consumer.commit(offsets=offsets, asynchronous=False)

    def _on_delivery(self, error: object, _message: Message) -> None:
        if error is not None:
            self._failed.append(str(error))


def main() -> None:
    """Work until SIGTERM."""
    loop = Loop(parse(__doc__))

    def stop(*_: object) -> None:
        loop.is_stopping = True

    signal.signal(signal.SIGTERM, stop)
    loop.run()


if __name__ == "__main__":
    main()
