"""Reading batches: what is held first, then what Kafka has, bounded by count and bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import cast

import structlog
from confluent_kafka import Message

from consumers.kafka_source import ClientError, KafkaSource
from ingest.clock import TimeSource
from ingest.errors import ConsumerFailed
from ingest.raw_event import RawEvent
from ingest.state import Carrier
from ingest.understanding import Understood
from ingest.worker.batch import BatchProcessor, Committed
from ingest.worker.ownership import Ownership
from ingest.worker.partition import OwnedPartition, Phase

log = structlog.get_logger()

_HAND_OVER_POLL_S = 0.01


class Reading:
    """Turns the source's messages into batches of understood events of running partitions."""

    def __init__(
        self,
        source: KafkaSource,
        ownership: Ownership,
        processor: BatchProcessor,
        batch_size: int,
        batch_bytes: int,
        poll_timeout_s: float,
        gather_s: float,
        time: TimeSource,
    ) -> None:
        """`gather_s`: the least time between the end of a batch and the reading of the next."""
        self._source = source
        self._ownership = ownership
        self._processor = processor
        self._batch_size = batch_size
        self._batch_bytes = batch_bytes
        self._poll_timeout_s = poll_timeout_s
        self._gather_s = gather_s
        self._time = time
        self._has_given = False
        """Whether the last call gave a batch."""
        self._ended_at = -math.inf
        """When a batch ended last."""

    def next_batch(self) -> tuple[list[Understood], object]:
        """Events to decide on next, in log order per partition, and the group metadata they are bound to.

        Raises ConsumerFailed when the consumer can do no more.
        """
        if self._has_given:
            self._ended_at = self._time.monotonic()
        waiting = any(p.waits_for is not None for p in self._ownership)
        ready = sum(len(p.held) for p in self._ownership if p.waits_for is None)
        ready_bytes = sum(p.held_bytes for p in self._ownership if p.waits_for is None)
        timeout = 0.0 if ready else _HAND_OVER_POLL_S if waiting else self._poll_timeout_s
        # However much is held, the client is polled, and polling may give a message.
        most, most_bytes = max(self._batch_size - ready, 1), max(self._batch_bytes - ready_bytes, 0)
        read = self._source.read(most, timeout, self._gather, most_bytes)
        for error in read.errors:
            self._report(error)
        batch: list[Understood] = []
        for partition in self._ownership:
            if partition.held and partition.waits_for is None and partition.phase is Phase.RUNNING:
                batch += partition.take_held()
                self._source.resume(partition.key)
        batch += self._processor.understand(self._accepted(read.messages))
        if ready_bytes + read.size > self._batch_bytes:
            batch = self._bounded(batch)
        self._has_given = bool(batch)
        return batch, read.group_metadata

    def _gather(self) -> bool:
        """Wait for more events, unless the last batch ended long enough ago: then a lone one is not delayed."""
        wait = self._ended_at + self._gather_s - self._time.monotonic()
        if wait <= 0:
            return False
        self._time.sleep(wait)
        return True

    def hold(self, committed: Committed, is_published: Callable[[Carrier], bool]) -> None:
        """Keep what was left; read no more of partitions that wait for what another worker has not published yet."""
        for key, carrier in committed.waiting.items():
            published = is_published(carrier)
            if not published:
                self._ownership.partitions[key].waits_for = carrier
                self._source.pause([key])
            log.info(
                "cut_for_hand_over", topic=key[0], partition=key[1], published=published,
                behind=f"{carrier.topic}/{carrier.partition} row {carrier.sequence}",
            )  # fmt: skip
        self._hold(committed.left)

    def keep_alive(self, timeout_s: float) -> None:
        """Poll while nothing may be processed: everything is paused, and the group sees a living member."""
        self._source.pause([partition.key for partition in self._ownership])
        self._source.keep_alive(timeout_s)

    def _accepted(self, messages: Iterable[Message]) -> list[RawEvent]:
        """Messages of running partitions that were not read before; later ones of a waiting partition are held."""
        accepted: list[RawEvent] = []
        late: list[RawEvent] = []
        for message in messages:
            event = raw_event(message)
            partition = self._ownership.partitions.get((event.topic, event.partition))
            if partition is None or partition.phase is not Phase.RUNNING or event.offset < partition.read_to:
                continue
            partition.read_to = event.offset + 1
            partition.leader_epoch = message.leader_epoch()
            (accepted if partition.waits_for is None else late).append(event)
        if late:
            self._hold(self._processor.understand(late))
        return accepted

    def _bounded(self, batch: list[Understood]) -> list[Understood]:
        """The first events up to the bound of bytes, at least one; the others are held for the next batch."""
        size = 0
        for index, one in enumerate(batch):
            size += len(one.event.value or b"")
            if size > self._batch_bytes and index:
                self._hold(batch[index:])
                return batch[:index]
        return batch

    def _hold(self, understood: Iterable[Understood]) -> None:
        by_partition: dict[tuple[str, int], list[Understood]] = {}
        for one in understood:
            by_partition.setdefault((one.event.topic, one.event.partition), []).append(one)
        for key, ones in by_partition.items():
            self._ownership.partitions[key].hold(ones)

    def _report(self, error: ClientError) -> None:
        """An error in place of a message: of one partition, recovery looks at it; of the client, it is told."""
        if error.fatal:
            raise ConsumerFailed(error.code, error.detail)
        topic, number = error.partition or (None, None)
        log.warning("consumer_error", code=error.code, detail=error.detail, topic=topic, partition=number)
        partition: OwnedPartition | None = self._ownership.partitions.get(error.partition or ("", -1))
        if partition is not None:
            partition.doubt()


def raw_event(message: Message) -> RawEvent:
    """A Kafka record as it was consumed, with its position."""
    kind, timestamp = message.timestamp()
    return RawEvent(
        cast("str", message.topic()), cast("int", message.partition()), cast("int", message.offset()),
        message.key(), message.value(), cast("list[tuple[str, bytes | None]]", message.headers() or []),
        timestamp, kind,
    )  # fmt: skip
