"""Reading batches: what is held first, then what Kafka has, bounded by count and bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import structlog
from confluent_kafka import Message

from consumers.kafka_source import KafkaSource
from ingest.errors import PartitionHalted
from ingest.raw_event import RawEvent
from ingest.worker.batch import Committed
from ingest.worker.ownership import Ownership
from ingest.worker.partition import Phase

log = structlog.get_logger()


class Reading:
    """Turns the source's messages into batches of raw events of running partitions."""

    def __init__(
        self,
        source: KafkaSource,
        ownership: Ownership,
        batch_size: int,
        batch_bytes: int,
        poll_timeout_s: float,
        gather_s: float,
    ) -> None:
        self._source = source
        self._ownership = ownership
        self._batch_size = batch_size
        self._batch_bytes = batch_bytes
        self._poll_timeout_s = poll_timeout_s
        self._gather_s = gather_s

    def next_batch(self) -> tuple[list[RawEvent], object]:
        """Events to decide on next, in log order per partition, and the group metadata they are bound to."""
        ready = [p for p in self._ownership if p.held and p.waits_for is None]
        waiting = any(p.held and p.waits_for is not None for p in self._ownership)
        timeout = 0.0 if ready else min(self._poll_timeout_s, 0.01) if waiting else self._poll_timeout_s
        room = max(self._batch_size - sum(len(p.held) for p in ready), 1)
        read = self._source.read(room, timeout, self._gather_s)
        for key, reason in read.lost_positions:
            self._halt(key, reason)
        events: list[RawEvent] = []
        for partition in self._ownership:
            if partition.held and partition.waits_for is None and partition.phase is Phase.RUNNING:
                events += partition.held
                partition.held = []
                self._source.resume(partition.key)
        self._sort_in(read.messages, events)
        return self._within_bytes(events), read.group_metadata

    def hold(self, committed: Committed) -> None:
        """Keep the events of partitions that wait for another one's publishing; read no more of those."""
        for key, carrier in committed.waiting.items():
            partition = self._ownership.partitions[key]
            partition.waits_for = carrier
            self._source.pause([key])
            log.info(
                "waits_for_hand_over", topic=key[0], partition=key[1],
                waits_for=f"{carrier.topic}/{carrier.partition} row {carrier.sequence}",
            )  # fmt: skip
        left = {key: [] for key in committed.waiting}  # type: dict[tuple[str, int], list[RawEvent]]
        for understood in committed.left:
            left[understood.event.topic, understood.event.partition].append(understood.event)
        for key, events in left.items():
            partition = self._ownership.partitions[key]
            partition.held = events + partition.held

    def keep_alive(self, timeout_s: float) -> None:
        """Poll while nothing may be processed."""
        self._source.keep_alive(timeout_s)

    def _sort_in(self, messages: Iterable[Message], events: list[RawEvent]) -> None:
        partitions = self._ownership.partitions
        for message in messages:
            event = RawEvent(
                cast("str", message.topic()),
                cast("int", message.partition()),
                cast("int", message.offset()),
                message.key(),
                message.value(),
                cast("list[tuple[str, bytes | None]]", message.headers() or []),
                message.timestamp()[1],
                message.timestamp()[0],
            )
            partition = partitions.get((event.topic, event.partition))
            if (
                partition is None
                or partition.phase is not Phase.RUNNING
                or event.offset < partition.next_offset
            ):
                continue
            if partition.held:
                partition.held.append(event)
            else:
                events.append(event)

    def _within_bytes(self, events: list[RawEvent]) -> list[RawEvent]:
        """The first events up to the bound, at least one; the others are held for the next batch."""
        size = 0
        for index, event in enumerate(events):
            size += len(event.value or b"")
            if size > self._batch_bytes and index:
                for rest in events[index:]:
                    self._ownership.partitions[rest.topic, rest.partition].held.append(rest)
                return events[:index]
        return events

    def _halt(self, key: tuple[str, int], reason: str) -> None:
        partition = self._ownership.partitions.get(key)
        if partition is None or partition.phase is not Phase.RUNNING:
            return
        halt = PartitionHalted(
            *key, "Kafka no longer has the events at its position",
            known=f"next to read is offset {partition.next_offset:,}; Kafka says: {reason}",
            safe="all that was read is decided and published",
            do="look at `ordergate positions`; raise the raw topic's retention above the longest stop you plan for",
        )  # fmt: skip
        partition.stop(halt)
        self._source.pause([key])
        log.error(
            "partition_halted", topic=key[0], partition=key[1], cause=halt.cause,
            known=halt.known, safe=halt.safe, do=halt.do,
        )  # fmt: skip
