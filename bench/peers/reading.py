"""What is in the topics, as any client sees it: positions and keys of raw events, causes of the visible outputs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import cast

from confluent_kafka import Consumer, IsolationLevel, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # as in ingest.kafka_admin

from bench.causes import Cause, cause_of


def keys_by_position(bootstrap_servers: str, topic: str) -> dict[Cause, bytes]:
    """The key of every record of a topic."""
    return {
        Cause(topic, cast("int", message.partition()), cast("int", message.offset())): cast("bytes", message.key())
        for message in _messages(bootstrap_servers, topic)
    }


def causes(bootstrap_servers: str, topic: str) -> Iterator[Cause]:
    """The cause of every committed record of a topic, each partition's in its order."""
    for message in _messages(bootstrap_servers, topic):
        yield cause_of(cast("list[tuple[str, bytes | None]]", message.headers() or []))


def wait_until_visible(bootstrap_servers: str, topic: str, seconds: float) -> float | None:
    """Wait until no open transaction hides anything of a topic; gives the seconds that took, None when it lasts."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if _ends(admin, topic, IsolationLevel.READ_COMMITTED) == _ends(admin, topic, IsolationLevel.READ_UNCOMMITTED):
            return time.monotonic() - started
        time.sleep(0.1)
    return None


def _ends(admin: AdminClient, topic: str, isolation: IsolationLevel) -> dict[int, int]:
    partitions = admin.list_topics(topic, timeout=10).topics[topic].partitions
    wanted = {TopicPartition(topic, number): OffsetSpec.latest() for number in partitions}  # type: ignore[no-untyped-call]  # not typed there
    answers = admin.list_offsets(wanted, isolation_level=isolation)
    return {partition.partition: future.result().offset for partition, future in answers.items()}


def _messages(bootstrap_servers: str, topic: str) -> Iterator[Message]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "bench-peers-reader",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    try:
        partitions = list(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        ended: set[int] = set()
        while len(ended) < len(partitions):
            for message in consumer.consume(1000, 1.0):
                if message.error() is None:
                    yield message
                else:
                    ended.add(cast("int", message.partition()))
    finally:
        consumer.close()
