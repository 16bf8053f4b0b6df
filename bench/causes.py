"""Output records by what caused them: every one names its raw event in the header `ordergate_cause`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, cast

from confluent_kafka import Consumer, Message, TopicPartition

from producers.records import OutputRecord

_HEADER = "ordergate_cause"


class Cause(NamedTuple):
    """The position of a raw event."""

    topic: str
    partition: int
    offset: int


def parse_cause(text: str) -> Cause:
    """The position in a header's value, `<topic>/<partition>/<offset>`. ValueError for anything else."""
    topic, partition, offset = text.rsplit("/", 2)
    if not topic:
        raise ValueError(f"{text!r} names no topic; expected <topic>/<partition>/<offset>")
    return Cause(topic, int(partition), int(offset))


def cause_of(headers: Iterable[tuple[str, bytes | None]]) -> Cause:
    """The cause that a record's headers name. Raises ValueError when they name none."""
    for name, value in headers:
        if name == _HEADER and value is not None:
            return parse_cause(value.decode())
    raise ValueError(f"a record without the header {_HEADER}: not an output of Ordergate")


def by_cause(records: Iterable[OutputRecord]) -> dict[Cause, list[OutputRecord]]:
    """Records by cause, in their order. Equal header values are kept once: a benchmark holds many records."""
    grouped: dict[Cause, list[OutputRecord]] = {}
    once: dict[bytes, bytes] = {}
    for record in records:
        headers = [(name, once.setdefault(value, value)) for name, value in record.headers]
        grouped.setdefault(cause_of(headers), []).append(record._replace(headers=headers))
    return grouped


def read_topic(bootstrap_servers: str, topic: str) -> list[OutputRecord]:
    """Every committed record of a topic, in partition order."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "bench-reader",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.queue.backoff.ms": 10,
            "fetch.message.max.bytes": 16 * 1024 * 1024,
        }
    )
    try:
        partitions = list(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        read: dict[int, list[OutputRecord]] = {number: [] for number in partitions}
        ended: set[int] = set()
        while len(ended) < len(partitions):
            for message in consumer.consume(1000, 1.0):
                number = cast("int", message.partition())
                if message.error() is None:
                    read[number].append(_record(message))
                else:
                    ended.add(number)
        return [record for number in partitions for record in read[number]]
    finally:
        consumer.close()


def _record(message: Message) -> OutputRecord:
    return OutputRecord(
        cast("str", message.topic()),
        cast("bytes", message.key()),
        message.value(),
        cast("list[tuple[str, bytes]]", message.headers() or []),
    )
