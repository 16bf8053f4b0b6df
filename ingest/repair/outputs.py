"""Reading the output topics as any careful consumer does: committed records only, to the end as it is now."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumers.kafka_source import PartitionKey
from ingest.errors import BrokerAway, OrdergateError, TopicsMissing
from ingest.kafka_client import TIMEOUT_S, quiet, why
from ingest.repair.trail import RecordId
from ingest.repair.true_order import Cause
from producers.topics import OUTPUT_TOPICS

Ends = Mapping[PartitionKey, int]
"""Next offset of each partition's log."""

Place = tuple[PartitionKey, int]
"""A record's partition and offset."""

_CLOCKS_DIFFER_S = 300
"""Most by which the clocks of the database and of the workers, which stamp the records, are taken to differ."""
_PATIENCE_S = 60.0
_ALL_TOPICS = [topic.name for topic in OUTPUT_TOPICS]
_AT_ONCE = 5_000


class OutputsUnreadable(OrdergateError):
    """End the transaction that keeps readers of an output partition waiting."""

    def __init__(self, partition: str) -> None:
        super().__init__(
            f"the output partition {partition} cannot be read to its end",
            known=f"an open transaction holds its readers back for longer than {_PATIENCE_S:.0f} s",
            safe="nothing was changed",
            do="stop the workers, wait for ORDERGATE_TRANSACTION_TIMEOUT_MS, then do the same again: what is open then "
            "hangs, and `ordergate recover` shows it",
        )


class OutputsTooShort(OrdergateError):
    """Bring the newer database back: the outputs that would prove a rebuild are gone."""

    def __init__(self) -> None:
        super().__init__(
            "the output topics no longer reach back to what the database lost",
            known="their retention has removed records that a rebuild has to be compared with",
            safe="nothing was changed",
            do="bring the newer database back",
        )


class Published(NamedTuple):
    """An output record that is visible: what it is known by, what caused it, a digest of all its bytes, and its key."""

    record: RecordId
    cause: Cause
    digest: bytes
    key: bytes | None = None


class Isolation(StrEnum):
    """Which records are seen."""

    COMMITTED = "read_committed"
    ALL = "read_uncommitted"
    """Also those of open and of aborted transactions."""


class OutputLog:
    """The output topics' records since some moment.

    Raises BrokerAway when no broker answers, and TopicsMissing when an output topic is gone.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        group_id: str,
        isolation: Isolation,
        ends: Callable[[Iterable[PartitionKey]], Ends],
        kept_since: Callable[[str], int | None],
    ) -> None:
        """`group_id` is never joined and commits nothing; `ends` asks for the ends that are to be reached.

        `kept_since` tells since when (milliseconds) a topic has kept everything, None where its settings do not say.
        """
        self._servers = bootstrap_servers
        self._ends = ends
        self._kept_since = kept_since
        self._config = {
            "group.id": group_id,
            "isolation.level": isolation.value,
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "fetch.message.max.bytes": 16 * 1024 * 1024,
        }

    def places(self, instant_s: float, wanted: Collection[RecordId]) -> list[tuple[RecordId, Place]] | None:
        """Where these records are, written since an instant; None when the topics reach not that far back.

        The instant is the database's; the workers' clocks may differ by some minutes. Raises OutputsUnreadable when
        an open transaction hides what lies before an end.
        """
        if not wanted:
            return []  # rows of events that publish nothing
        topics = sorted({topic for topic, _ in wanted})
        found = []
        with self._consumer() as consumer:
            starts, complete = self._starts(consumer, topics, instant_s)
            if not complete:
                return None
            ends = self._ends((start.topic, start.partition) for start in starts)
            for message in _to_the_end(consumer, starts, ends):
                place = _place(message)
                record = (place[0][0], _header(message, "ce_id"))
                if record in wanted:
                    found.append((record, place))
        return found

    def published_since(self, instant_s: float) -> Iterator[Published]:
        """Every output record with a cause, written since an instant. Raises OutputsTooShort, else as `places`."""
        with self._consumer() as consumer:
            starts, complete = self._starts(consumer, _ALL_TOPICS, instant_s)
            if not complete:
                raise OutputsTooShort
            yield from self._published(consumer, starts)

    def caused_by(self, partition: PartitionKey, instant_s: float) -> tuple[list[tuple[RecordId, Cause]], bool]:
        """The output records of a raw partition's events, written since an instant, as far as the topics reach back.

        Second: whether they reach back to it. Raises as `places`.
        """
        with self._consumer() as consumer:
            starts, complete = self._starts(consumer, _ALL_TOPICS, instant_s)
            published = self._published(consumer, starts)
            return [(one.record, one.cause) for one in published if one.cause.partition == partition], complete

    def _published(self, consumer: Consumer, starts: Sequence[TopicPartition]) -> Iterator[Published]:
        ends = self._ends((start.topic, start.partition) for start in starts)
        for message in _to_the_end(consumer, starts, ends):
            headers = cast("list[tuple[str, bytes | None]]", message.headers() or [])
            yield Published(
                (str(message.topic()), _header(message, "ce_id")), Cause.parse(_header(message, "ordergate_cause")),
                digest(message.key(), message.value(), headers), message.key(),
            )  # fmt: skip

    def at(self, partition: PartitionKey, offset: int) -> tuple[RecordId, Cause] | None:
        """The record at an offset, and the raw position that caused it; None when it is none of ours."""
        with self._consumer() as consumer:
            start = TopicPartition(*partition, offset)
            for message in _to_the_end(consumer, [start], {partition: offset + 1}):
                cause = _header(message, "ordergate_cause")
                if _place(message)[1] == offset and cause:
                    return (partition[0], _header(message, "ce_id")), Cause.parse(cause)
        return None

    def _starts(self, consumer: Consumer, topics: Sequence[str], instant_s: float) -> tuple[list[TopicPartition], bool]:
        """Where to begin on each partition, and whether everything written since the instant is still there.

        A log whose first records are gone, and whose next ones are younger than the instant, may have lost what was
        written between. It has not when the topic's settings keep records for longer: then it was quiet.
        """
        known = consumer.list_topics(timeout=TIMEOUT_S).topics
        if missing := set(topics) - known.keys():
            raise TopicsMissing(missing)
        # Negative ones have meanings of their own (Kafka: ListOffsets).
        instant_ms = max(int((instant_s - _CLOCKS_DIFFER_S) * 1000), 0)
        asked = [TopicPartition(topic, number, instant_ms) for topic in topics for number in known[topic].partitions]
        starts = consumer.offsets_for_times(asked, timeout=TIMEOUT_S)
        doubtful = set()
        for start in starts:
            low, high = consumer.get_watermark_offsets(start, timeout=TIMEOUT_S)
            if start.offset < 0:
                start.offset = high
            if low > 0 and start.offset <= low:
                doubtful.add(start.topic)
        complete = all((kept := self._kept_since(topic)) is not None and kept <= instant_ms for topic in doubtful)
        return starts, complete

    @contextmanager
    def _consumer(self) -> Iterator[Consumer]:
        complaints: list[KafkaError] = []
        consumer = Consumer({**quiet(self._servers, complaints), **self._config})
        try:
            yield consumer
        except KafkaException as error:
            raise BrokerAway(self._servers, why(consumer, complaints, error)) from error
        finally:
            consumer.close()


def kept_since_ms(settings: Mapping[str, str], now_ms: int) -> int | None:
    """Since when a topic with these settings has kept every record; None where not time alone decides on that."""
    kept_ms = int(settings.get("retention.ms", -1))
    by_time_alone = settings.get("cleanup.policy") == "delete" and settings.get("retention.bytes") == "-1"
    return now_ms - kept_ms if by_time_alone and kept_ms >= 0 else None


def digest(key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]) -> bytes:
    """16 bytes that two records share only when all their bytes are the same."""
    hashed = blake2b(digest_size=16)
    for part in (key, value, *(part for name, content in headers for part in (name.encode(), content))):
        hashed.update(b"\0" if part is None else b"\1" + len(part).to_bytes(8, "big") + part)
    return hashed.digest()


def _place(message: Message) -> Place:
    return (str(message.topic()), int(message.partition() or 0)), int(message.offset() or 0)


def _header(message: Message, wanted: str) -> bytes:
    headers = cast("list[tuple[str, bytes]]", message.headers() or [])
    return next((value for name, value in headers if name == wanted), b"")


def _to_the_end(consumer: Consumer, starts: Sequence[TopicPartition], ends: Ends) -> Iterator[Message]:
    """Every committed record from these offsets to these ends. Raises OutputsUnreadable."""
    open_until = {key: ends[key] for p in starts if ends[key := (p.topic, p.partition)] > p.offset}
    consumer.assign(list(starts))
    deadline = time.monotonic() + _PATIENCE_S
    while open_until:
        if time.monotonic() > deadline:
            topic, number = next(iter(open_until))
            raise OutputsUnreadable(f"{topic}/{number}")
        for message in consumer.consume(_AT_ONCE, 0.2):
            error = message.error()
            key, offset = _place(message)
            if error is None:
                deadline = time.monotonic() + _PATIENCE_S
                yield message
            elif error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            if key in open_until and offset + (error is None) >= open_until[key]:
                del open_until[key]
