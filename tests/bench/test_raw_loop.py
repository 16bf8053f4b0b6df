"""The yardstick is fair: it publishes exactly what governing published, once, with the offsets."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from bench.causes import Cause, by_cause, read_topic
from bench.raw_loop import run
from producers.records import OutputRecord

TRANSACTION = {"transaction_timeout_ms": 10_000, "retry_backoff_ms": 50, "statistics_interval_ms": 100}


@pytest.mark.stack
def test_the_raw_loop_copies_bytes_and_headers_exactly(stack, topic_prefix):
    """Keys, values (tombstones and empty ones too) and headers in their order, per partition in raw order."""
    servers = stack.kafka_bootstrap_servers
    raw, out, copy = (f"{topic_prefix}{name}" for name in ("raw", "out", "copy"))
    admin = AdminClient({"bootstrap.servers": servers})
    for future in admin.create_topics([NewTopic(name, 2, 1) for name in (raw, out, copy)]).values():
        future.result()
    producer = Producer({"bootstrap.servers": servers})
    for number in range(50):
        producer.produce(raw, b"{}", str(number).encode(), partition=number % 2)
    values = (b"\x00\x00\x00\x00\x07avro", None, b"", "ä".encode())
    for number in range(40):
        headers = [
            ("ce_id", b"%d" % number),
            ("twice", b"1"),
            ("ordergate_cause", f"{raw}/{number % 2}/{number // 2}".encode()),
            ("twice", b"2"),
        ]
        producer.produce(out, values[number % 4], b"key %d" % (number % 5), headers=headers)
        producer.produce(out, b"second", b"key %d" % (number % 5), headers=headers)
    assert producer.flush(30) == 0

    original = read_topic(servers, out)
    recorded = by_cause(original)
    done = run(servers, f"{topic_prefix}raw-loop", [raw], {out: copy}, recorded, 50, 10, TRANSACTION)

    assert sum(one.events for one in done) == 50
    assert recorded == {}, "every recorded output was published"
    assert _sorted(read_topic(servers, copy)) == _sorted(original)
    assert _by_raw_partition(read_topic(servers, copy)) == _by_raw_partition(original)
    assert _committed(servers, f"{topic_prefix}raw-loop", raw) == [25, 25]


def _sorted(records: list[OutputRecord]) -> list[tuple]:
    return sorted((r.key, r.value is None, r.value or b"", r.headers) for r in records)


def _by_raw_partition(records: list[OutputRecord]) -> dict[tuple[bytes, int], list[Cause]]:
    """Causes in their order, for each output key and raw partition."""
    order: dict[tuple[bytes, int], list[Cause]] = {}
    for record in records:
        (cause,) = by_cause([record])
        order.setdefault((record.key, cause.partition), []).append(cause)
    return order


def _committed(servers: str, group: str, topic: str) -> list[int]:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": group})
    try:
        answers = consumer.committed([TopicPartition(topic, number) for number in (0, 1)], timeout=30)
        return [answer.offset for answer in answers]
    finally:
        consumer.close()
