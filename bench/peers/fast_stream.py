"""FastStream on confluent-kafka in its safest mode, as its documentation says.

Page "Consuming Acknowledgements" (https://faststream.ag2.ai/latest/confluent/ack/): NACK_ON_ERROR commits the offset
after the handler succeeded and reads again after an error; there are no transactions. Records are read in batches and
published together, each confirmed, before their offsets are committed. `publish_batch` would be the page "Publishing
in Batches", but release 0.7.8 drops the headers of single messages there. Avro is not part of FastStream:
confluent-kafka's AvroSerializer makes the bytes.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import orjson
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from faststream import AckPolicy, FastStream
from faststream.confluent import KafkaBroker
from faststream.confluent.annotations import KafkaMessage

from bench.peers.arguments import Arguments, parse
from bench.peers.work import CAUSE_HEADER, SCHEMA_TEXT, SERIALIZER_SETTINGS, canonical_order, cause

_BATCH = 1000


def application(given: Arguments) -> FastStream:
    """The application, whole."""
    broker = KafkaBroker(
        given.servers, enable_idempotence=True, compression_type="lz4", acks="all", log_level=logging.WARNING
    )
    serialise = AvroSerializer(SchemaRegistryClient({"url": given.registry}), SCHEMA_TEXT, conf=SERIALIZER_SETTINGS)
    context = SerializationContext(given.target, MessageField.VALUE)

    async def publish(record: Any) -> None:
        order = canonical_order(orjson.loads(record.value()), record.headers() or (), record.timestamp()[1])
        caused = cause(record.topic(), record.partition(), record.offset())
        await broker.publish(
            serialise(order, context),
            given.target,
            key=order["order_id"].encode(),
            headers={CAUSE_HEADER: caused.decode()},
        )

    @broker.subscriber(  # type: ignore[untyped-decorator]  # its packages are in an environment of their own
        given.source,
        group_id=given.group,
        batch=True,
        max_records=_BATCH,
        polling_interval=float(given.options["polling_interval"]),
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
        session_timeout_ms=int(given.options["session_timeout_ms"]),
    )
    async def handle(_bodies: list[Any], message: KafkaMessage) -> None:
        await asyncio.gather(*map(publish, message.raw_message))

    return FastStream(broker)


if __name__ == "__main__":
    asyncio.run(application(parse(__doc__)).run())
