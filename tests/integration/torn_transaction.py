"""Leaving a transaction open for ever, as a broker does that was killed while it ended one.

The broker checks that a partition belongs to a transaction that its coordinator knows
(`transaction.partition.verification.enable`, KIP-890). Switched off, raw requests can write under a producer id whose
transaction no coordinator will ever end.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from ingest.kafka_wire import Api, Broker, Writer
from producers.records import OutputRecord
from tests.integration.deployment import wait_until

INIT_PRODUCER_ID = Api(22, 0, flexible=False)
TXN_OFFSET_COMMIT = Api(28, 0, flexible=False)
PRODUCE = Api(0, 3, flexible=False)
VERIFICATION = "transaction.partition.verification.enable"
CASTAGNOLI = 0x82F63B78
NOW = time.time_ns() // 1_000_000


@contextmanager
def unverified(servers: str) -> Iterator[None]:
    """Let the broker take transactional writes that no coordinator knows of."""
    admin = AdminClient({"bootstrap.servers": servers})
    (node,) = admin.list_topics(timeout=10).brokers

    def verify(enabled: str) -> None:
        entry = ConfigEntry(VERIFICATION, enabled, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.BROKER, str(node), incremental_configs=[entry])
        for future in admin.incremental_alter_configs([resource]).values():
            future.result()
        wait_until(lambda: in_force() == enabled, 30, f"verification is {enabled}")

    def in_force() -> str:
        (future,) = admin.describe_configs([ConfigResource(ResourceType.BROKER, str(node))]).values()
        return future.result()[VERIFICATION].value

    verify("false")
    try:
        yield
    finally:
        verify("true")


class ForgottenProducer:
    """A producer id with a transaction that is never ended. One broker, of which it is the leader for everything."""

    def __init__(self, servers: str, transactional_id: str) -> None:
        host, _, port = servers.partition(":")
        self._broker = Broker(host, int(port))
        self._id = transactional_id
        body = Writer(INIT_PRODUCER_ID).int16(-1).int32(60_000)
        answer = self._broker.ask(INIT_PRODUCER_ID, body)
        answer.int32()
        assert answer.int16() == 0
        self.producer_id, self.epoch = answer.int64(), answer.int16()

    def commit_offset(self, group_id: str, topic: str, partition: int, offset: int, metadata: str) -> None:
        body = Writer(TXN_OFFSET_COMMIT).string(self._id).string(group_id).int64(self.producer_id).int16(self.epoch)
        body.array(1).string(topic).array(1).int32(partition).int64(offset).string(metadata)
        answer = self._broker.ask(TXN_OFFSET_COMMIT, body)
        answer.int32()
        for _ in answer.array():
            answer.string()
            for _ in answer.array():
                answer.int32()
                assert (error := answer.int16()) == 0, error

    def produce(self, partition: int, records: Sequence[OutputRecord]) -> None:
        """Write records of one topic to one of its partitions."""
        batch = record_batch(records, self.producer_id, self.epoch)
        body = Writer(PRODUCE).string(self._id).int16(-1).int32(10_000)
        body.array(1).string(records[0].topic).array(1).int32(partition).int32(len(batch))
        raw = body.taken() + batch
        answer = self._broker.ask(PRODUCE, Given(PRODUCE, raw))
        for _ in answer.array():
            answer.string()
            for _ in answer.array():
                answer.int32()
                assert (error := answer.int16()) == 0, error
                answer.int64()
                answer.int64()


class Given(Writer):
    """A body made elsewhere."""

    def __init__(self, api: Api, body: bytes) -> None:
        super().__init__(api)
        self._bytes += body


def record_batch(records: Sequence[OutputRecord], producer_id: int, epoch: int) -> bytes:
    """A transactional batch of format 2, not compressed (Kafka documentation, "Record Batch")."""
    written = b"".join(one_record(number, record) for number, record in enumerate(records))
    attributes, last, count = 0x10, len(records) - 1, len(records)
    body = struct.pack("!hiqqqhii", attributes, last, NOW, NOW, producer_id, epoch, 0, count) + written
    body = struct.pack("!ibI", -1, 2, crc32c(body)) + body
    return struct.pack("!qi", 0, len(body)) + body


def one_record(number: int, record: OutputRecord) -> bytes:
    value = record.value or b""
    parts = [b"\0", varint(0), varint(number), varint(len(record.key)), record.key, varint(len(value)), value]
    parts.append(varint(len(record.headers)))
    for name, content in record.headers:
        parts += [varint(len(name)), name.encode(), varint(len(content)), content]
    body = b"".join(parts)
    return varint(len(body)) + body


def varint(value: int) -> bytes:
    zigzag = value << 1 if value >= 0 else ((-value) << 1) - 1
    out = bytearray()
    while zigzag > 0x7F:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    out.append(zigzag)
    return bytes(out)


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (CASTAGNOLI & -(crc & 1))
    return crc ^ 0xFFFFFFFF
