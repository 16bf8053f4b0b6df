"""Rebuilding what a database lost: the worker's own decisions on the raw log, with publishing off, then proven.

All of it is one database transaction; each batch is a savepoint in it. It is kept only when every output made again
equals the one in the output topics.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumers.kafka_source import PartitionKey
from ingest.database import positions
from ingest.database.connection import Connection, Database
from ingest.database.unit_of_work import parked_event
from ingest.errors import BrokerAway, OrdergateError
from ingest.kafka_client import quiet, why
from ingest.raw_event import RawEvent
from ingest.refusal import overdue_finding_id
from ingest.repair.behind import Lost, Rebuild, differences, differences_told
from ingest.repair.moves import TakenOver, take_time
from ingest.repair.outputs import OutputLog, Published, digest
from ingest.repair.trail import COMPACTED, RecordId, record_id
from ingest.repair.true_order import Cause, in_true_order, latecomers, predecessors
from ingest.repair.versions import of_order, versions
from ingest.state import ParkedEvent
from ingest.worker.batch import BatchProcessor, Committed
from ingest.worker.partition import OwnedPartition
from ingest.worker.reading import raw_event
from producers.records import OutputRecord
from producers.topics import FINDINGS

_AT_ONCE: Final = 500
_PATIENCE_S: Final = 60.0
_EPOCHS_LOST: Final = 1_000_000
"""A worker of the lost time may hold a higher epoch than the database now knows; no one may hold the new one."""

_LAST_DECIDED = """
SELECT coalesce(extract(epoch FROM max(recorded_at)), 0)::float8 FROM journal WHERE topic = %s AND partition = %s
"""
_PARKED = """
SELECT topic, partition, raw_offset, key, value, headers, timestamp_ms, timestamp_type, order_id::text,
       (extract(epoch FROM deadline) * 1000000)::bigint
FROM parked WHERE topic = %s AND partition = %s ORDER BY raw_offset
"""
_FINISH = """
UPDATE positions SET next_offset = %s, sequence = %s, published_sequence = %s, epoch = epoch + %s, released = true,
       updated_at = now()
WHERE topic = %s AND partition = %s AND epoch = %s AND next_offset = %s
"""
_FORGET_ROWS = "DELETE FROM journal WHERE topic = %s AND partition = %s AND sequence > %s"
_CARRIED = (
    "UPDATE orders SET last_sequence = %s WHERE last_topic = %s AND last_partition = %s AND last_sequence > %s",
    "UPDATE guests SET last_sequence = %s WHERE last_topic = %s AND last_partition = %s AND last_sequence > %s",
)


class RebuildDiffers(OrdergateError):
    """Bring the newer database back: what was published cannot be made again from the raw log."""

    def __init__(self, found: Sequence[str]) -> None:
        super().__init__(
            f"the rebuild differs from what was published in {len(found):,} output{'s'[: len(found) != 1]}",
            known=differences_told(found),
            safe="everything was rolled back: the database is as it was, nothing was published, the partitions stay "
            "halted",
            do="bring the newer database back, or rebuild with the version of Ordergate that decided first; is nothing "
            "of that possible, a person has to decide on the named outputs",
        )


class RawLogUnreadable(OrdergateError):
    """Look at the raw topic's brokers: they answer, and give none of the events that they have."""

    def __init__(self, partition: str, offset: int) -> None:
        super().__init__(
            f"the raw partition {partition} gives no event from offset {offset:,} on",
            known=f"it was asked for {_PATIENCE_S:.0f} s, and neither gave one nor told that the log ends",
            safe="everything was rolled back: the database is as it was, and nothing was published",
            do="see that the partition has a leader, then do the same again",
        )


class RawLogTooShort(OrdergateError):
    """Bring the newer database back: the raw log has lost events that were decided and published."""

    def __init__(self, lost: Lost, end: int) -> None:
        """`end`: of the events that it gave."""
        super().__init__(
            f"the raw partition {lost.topic}/{lost.partition} ends before offset {lost.end:,}",
            known=f"Kafka says that what was decided below that offset is published, and the log has no event from "
            f"{end:,} on: it lost its end, or was made again",
            safe="everything was rolled back: the database is as it was, nothing was published, the partitions stay "
            "halted",
            do="bring the newer database back",
        )


class Rebuilder:
    """Runs one rebuild. Partitions that have a position are fenced already."""

    def __init__(
        self, bootstrap_servers: str, group_id: str, database: Database, processor: BatchProcessor, outputs: OutputLog
    ) -> None:
        """`processor` has to take every journal row for published; `outputs` sees committed records."""
        self._servers = bootstrap_servers
        self._group_id = group_id
        self._database = database
        self._processor = processor
        self._outputs = outputs

    def rebuild(self, step: Rebuild, epochs: Mapping[PartitionKey, int], unknown: Mapping[PartitionKey, str]) -> None:
        """Decide again, compare, and keep it.

        `epochs` of the partitions that were fenced, `unknown` ones have no position, and here their topic's id.
        Raises RebuildDiffers, RawLogUnreadable, RawLogTooShort or TakenOver with nothing changed.
        """
        since = min(self._last_decided(lost) for lost in step.lost)
        published = list(self._outputs.published_since(since))
        told = versions(published)
        owned = {
            (one.topic, one.partition): OwnedPartition(
                (one.topic, one.partition), epoch=epochs.get((one.topic, one.partition), 0), next_offset=one.start,
                sequence=one.known_sequence,
            )
            for one in step.lost
        }  # fmt: skip
        window = {(one.topic, one.partition): range(one.start, one.end) for one in step.lost}
        with self._database.transaction() as connection, ExitStack() as logs:
            take_time(connection)
            connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            for one in step.lost:
                if topic_id := unknown.get((one.topic, one.partition)):
                    # Not before: a position that outlives a rebuild rolled back looks like a first deployment's.
                    positions.create(connection, one.topic, one.partition, topic_id, one.start)
            events = in_true_order(
                {(one.topic, one.partition): self._log(logs, one) for one in step.lost},
                predecessors(told),
                latecomers(told, {one.cause for one in published}, self._order_of),
            )
            made: dict[RecordId, Published] = {}
            for committed in self._decide_again(connection, owned, events, {one.record for one in published}):
                made |= _as_published(committed.records)
            parked = self._decided_later(connection, published, window)
            for key, waiting in parked.items():
                for committed in self._processor.end_waiting(owned[key], waiting):
                    made |= _as_published(committed.records)
            # Those that were parked before, and released or ended since, lie before the window.
            ended = {Cause(key, one.event.offset) for key, waiting in parked.items() for one in waiting}
            ended |= {one.cause for one in made.values()}
            lost = {one.record: one.digest for one in published if _is_lost(one.cause, window) or one.cause in ended}
            found = differences({name: one.digest for name, one in made.items()}, lost, COMPACTED)
            if found:
                raise RebuildDiffers(found)
            for one in step.lost:
                self._finish(connection, one, owned[one.topic, one.partition])

    def _decide_again(
        self, connection: Connection, owned: Mapping[PartitionKey, OwnedPartition], events: Iterable[RawEvent],
        published: Collection[RecordId],
    ) -> Iterator[Committed]:  # fmt: skip
        """Decide on all events, and on those that gave up waiting at once: their order may have come afterwards."""

        def gave_up(event: RawEvent) -> bool:
            return (FINDINGS.name, overdue_finding_id(event).encode()) in published

        for partition in owned.values():
            yield from self._end_waiting(connection, partition, gave_up)
        for batch in _batches(events, gave_up):
            yield from self._processor.commit(owned, self._processor.understand(batch))
            if gave_up(newest := batch[-1]):
                yield from self._end_waiting(connection, owned[newest.topic, newest.partition], gave_up)

    def _end_waiting(
        self, connection: Connection, partition: OwnedPartition, which: Callable[[RawEvent], bool]
    ) -> Iterator[Committed]:
        parked = [parked_event(row) for row in connection.execute(_PARKED, partition.key).fetchall()]
        if waiting := [one for one in parked if which(one.event)]:
            yield from self._processor.end_waiting(partition, waiting)

    def _order_of(self, event: RawEvent) -> str | None:
        """The order that an event is about, as `versions` names it."""
        (understood,) = self._processor.understand([event])
        return of_order(understood.order_id) if understood.order_id else None

    def _last_decided(self, lost: Lost) -> float:
        with self._database.transaction() as connection:
            row = connection.execute(_LAST_DECIDED, (lost.topic, lost.partition)).fetchone()
        return float(row[0]) if row else 0.0

    def _decided_later(
        self, connection: Connection, published: Iterable[Published], window: dict[PartitionKey, range]
    ) -> dict[PartitionKey, list[ParkedEvent]]:
        """Events parked now whose later decision is published: their patience had ended, or their order had come."""
        causes = {one.cause for one in published if one.cause.partition in window}
        waiting: dict[PartitionKey, list[ParkedEvent]] = {}
        for key in window:
            parked = [parked_event(row) for row in connection.execute(_PARKED, key).fetchall()]
            if decided := [one for one in parked if Cause(key, one.event.offset) in causes]:
                waiting[key] = decided
        return waiting

    def _finish(self, connection: Connection, lost: Lost, owned: OwnedPartition) -> None:
        """The position is the receipt's; rows made again are published already and need no journal."""
        key = (lost.topic, lost.partition)
        if owned.next_offset != lost.end:
            raise RawLogTooShort(lost, owned.next_offset)
        moved = connection.execute(
            _FINISH, (lost.end, lost.sequence, lost.sequence, _EPOCHS_LOST, *key, owned.epoch, lost.end)
        )
        if moved.rowcount != 1:
            raise TakenOver(f"{lost.topic}/{lost.partition}")
        connection.execute(_FORGET_ROWS, (*key, lost.known_sequence))
        for statement in _CARRIED:
            connection.execute(statement, (lost.sequence, *key, lost.known_sequence))

    def _log(self, open_until_done: ExitStack, lost: Lost) -> Iterator[RawEvent]:
        complaints: list[KafkaError] = []
        consumer = Consumer(
            {
                **quiet(self._servers, complaints),
                "group.id": self._group_id,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "fetch.message.max.bytes": 16 * 1024 * 1024,
            }
        )
        open_until_done.callback(consumer.close)
        consumer.assign([TopicPartition(lost.topic, lost.partition, lost.start)])
        at = lost.start
        while at < lost.end:
            for message in _some(consumer, lost, at):
                error = message.error()
                if error is not None and error.code() == KafkaError._PARTITION_EOF:
                    return
                if error is not None:
                    failed = KafkaException(error)
                    raise BrokerAway(self._servers, why(consumer, complaints, failed)) from failed
                event = raw_event(message)
                if event.offset >= lost.end:
                    return
                at = event.offset + 1
                yield event


def _batches(events: Iterable[RawEvent], is_last: Callable[[RawEvent], bool]) -> Iterator[list[RawEvent]]:
    """The events in batches of bounded size; each that `is_last` ends one."""
    batch: list[RawEvent] = []
    for event in events:
        batch.append(event)
        if len(batch) == _AT_ONCE or is_last(event):
            yield batch
            batch = []
    if batch:
        yield batch


def _some(consumer: Consumer, lost: Lost, at: int) -> list[Message]:
    """What comes next, at least one message. Raises RawLogUnreadable when nothing comes."""
    until = time.monotonic() + _PATIENCE_S
    while not (messages := consumer.consume(_AT_ONCE, 1.0)):
        if time.monotonic() > until:
            raise RawLogUnreadable(f"{lost.topic}/{lost.partition}", at)
    return messages


def _is_lost(cause: Cause, window: dict[PartitionKey, range]) -> bool:
    return cause.offset in window.get(cause.partition, ())


def _as_published(records: Iterable[OutputRecord]) -> dict[RecordId, Published]:
    """As a reader of the output topics would know them."""
    return {
        (name := record_id(one)): Published(
            name, Cause.parse(dict(one.headers)["ordergate_cause"]), digest(one.key, one.value, one.headers)
        )
        for one in records
    }
