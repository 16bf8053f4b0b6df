"""What the demo did, read back from the database and the topics.

Nothing is taken from the demo's own memory but the number of events it published.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast
from uuid import uuid4

from confluent_kafka import Consumer, Message, TopicPartition

from consumers.catalogue import CHANNELS
from ingest.cli.deployment import reading
from ingest.cli.outcomes import Filter, totals
from ingest.database import schema_ids
from ingest.demo.show import Progress
from ingest.schema_registry import fingerprints
from ingest.settings import Settings
from producers.topics import GUESTS, ORDERS
from schemas.codec import Codec
from schemas.types import CanonicalOrder

_READ_FOR_S = 8.0
_READ_AT_MOST = 3_000
_MOST_RULES = 8

_CONSUMED = "SELECT topic, sum(next_offset)::bigint FROM positions GROUP BY topic"
_TOP_FINDINGS = """
SELECT rule, owner, severity, action, string_agg(DISTINCT channel, ', ' ORDER BY channel), count(*),
       count(DISTINCT (topic, partition, raw_offset))
FROM findings GROUP BY rule, owner, severity, action ORDER BY 7 DESC, rule LIMIT %s
"""
_ORDERS = "SELECT count(*), coalesce(sum(canonical_version), 0)::bigint FROM orders"


class TopFinding(NamedTuple):
    """A rule, and how often it was broken."""

    rule: str
    owner: str
    severity: str
    action: str
    channels: str
    findings: int
    events: int


class PublishedRecord(NamedTuple):
    """A record as a consumer of the topic gets it."""

    name: str
    value: dict[str, Any]
    position: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Summary:
    """What there is to tell."""

    published: dict[str, int]
    """Raw events by channel, as the broker confirmed them."""
    consumed: dict[str, int]
    """Raw events by channel, as the positions say."""
    outcomes: dict[tuple[str, str], int]
    """Raw events by channel and outcome."""
    orders: int
    versions: int
    findings: list[TopFinding]
    order: PublishedRecord | None
    guest_event: PublishedRecord | None
    trouble: str | None

    @property
    def conserved(self) -> bool:
        """Whether every event published was consumed, and has exactly one outcome."""
        return self.trouble is None and all(
            count == self.consumed.get(channel, 0) == self.decided(channel) for channel, count in self.published.items()
        )

    def decided(self, channel: str) -> int:
        """Outcomes of a channel, all together."""
        return sum(count for (name, _), count in self.outcomes.items() if name == channel)


def collect(given: Settings, progress: Progress) -> Summary:
    """Read everything back."""
    channel_of = {channel.topic: channel.name for channel in CHANNELS.values()}
    with reading(given) as connection:
        consumed = {channel_of[topic]: count for topic, count in connection.execute(_CONSUMED)}
        findings = [TopFinding(*row) for row in connection.execute(_TOP_FINDINGS, (_MOST_RULES,))]
        orders, versions = connection.execute(_ORDERS).fetchone() or (0, 0)
        codec = Codec(schema_ids.remembered(connection, fingerprints()))
        outcomes = totals(connection, Filter())
    return Summary(
        {channel_of[topic]: count for topic, count in sorted(progress.published_by_topic.items())},
        consumed,
        outcomes,
        orders,
        versions,
        findings,
        _best(given, ORDERS.name, codec, _telling_order),
        _best(given, GUESTS.name, codec, _telling_guest_event),
        progress.trouble,
    )


def _telling_order(record: PublishedRecord) -> int:
    """How much there is to see in an order: a guest's, with a past."""
    order = cast("CanonicalOrder", record.value)
    return (
        2 * (order["customer"]["kind"] == "GUEST")
        + 2 * (order["canonical_version"] > 1)
        + bool(order["fulfilments"])
        + bool(order["source_order_number"])
    )


def _telling_guest_event(record: PublishedRecord) -> int:
    """A guest becoming a member tells most, a guest's order next."""
    return {"GuestConversionCompleted": 6, "GuestOrderPlaced": 5}.get(record.name, 0)


def _best(given: Settings, topic: str, codec: Codec, worth: Callable[[PublishedRecord], int]) -> PublishedRecord | None:
    """The record that is worth most among the first ones of a topic; 6 is as good as it gets."""
    best: PublishedRecord | None = None
    for message in _first_messages(given, topic):
        name, value = codec.decode(message.value() or b"")
        position = f"{message.topic()}/{message.partition()}/{message.offset()}"
        headers = cast("Sequence[tuple[str, bytes]]", message.headers() or [])
        record = PublishedRecord(name, value, position, {key: text.decode() for key, text in headers})
        if best is None or worth(record) > worth(best):
            best = record
        if worth(best) >= 6:
            break
    return best


def _first_messages(given: Settings, topic: str) -> Iterator[Message]:
    consumer = Consumer(
        {
            "bootstrap.servers": given.kafka_bootstrap_servers,
            "group.id": f"demo-summary-{uuid4()}",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": False,
            "log_level": 0,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        deadline = time.monotonic() + _READ_FOR_S
        read = 0
        while read < _READ_AT_MOST and time.monotonic() < deadline:
            messages = consumer.consume(500, timeout=1.0)
            if not messages:
                return
            for message in messages:
                if message.error() is None:
                    read += 1
                    yield message
    finally:
        consumer.close()
