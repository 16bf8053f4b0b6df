"""One batch: understood once, then decided and committed in one PostgreSQL transaction, with its journal rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from confluent_kafka import TopicPartition

from ingest.clock import TimeSource
from ingest.database import journal, positions
from ingest.database.connection import Database, Refused, TryAgain
from ingest.database.journal import JournalRow
from ingest.database.positions import Advance
from ingest.database.unit_of_work import UnitOfWork
from ingest.decision import HandOver
from ingest.drafts import Draft
from ingest.errors import DatabaseRefuses
from ingest.pipeline import Decided, Pipeline, guests_within_reach, orders_within_reach, with_guests
from ingest.raw_event import RawEvent
from ingest.state import BatchState, Carrier, ParkedEvent, Position
from ingest.understanding import Understood
from ingest.worker.overdue import LOOK_AGAIN_US
from ingest.worker.partition import OwnedPartition, PartitionKey
from ingest.worker.phases import Phases
from ingest.worker.receipt import receipt
from ingest.worker.sender import Sender
from producers.journal_records import pack
from producers.records import OutputRecord
from producers.topics import MAX_RECORD_BYTES
from quality.finding import Finding
from schemas.codec import EncodeError

log = structlog.get_logger()
_AT_ONCE = 8
"""Events decoded before they are mapped: so few that their documents are still in the processor's caches then."""
_READ_AHEAD = 128
"""Events mapped before their orders are asked for: a few of these steps lie in a large batch, none in a small one."""
MOST_TRIES = 20
MOST_REFUSED = 5
"""Events of one batch that may be quarantined because a table refuses them; more are not the events' fault."""
_DATA_ERROR = "22"
"""SQLSTATE class "data exception": a value that no table could hold, so the event that has it is at fault."""
_ROOM_FOR_HEADERS = 16 * 1024


class OutOfOrder(Exception):
    """An event was read that lies before the partition's position: the client's position is not to be trusted."""


@dataclass(slots=True)
class Committed:
    """What one PostgreSQL transaction decided, and Kafka has yet to get."""

    records: list[OutputRecord] = field(default_factory=list)
    receipts: list[TopicPartition] = field(default_factory=list)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Raw events by channel and outcome."""
    findings: list[tuple[str, Finding]] = field(default_factory=list)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    """Payload fields that a channel's model does not know, by channel."""
    waiting: dict[PartitionKey, Carrier] = field(default_factory=dict)
    """Partitions that were cut, and what they wait for."""
    left: list[Understood] = field(default_factory=list)
    """Events of those partitions, not decided."""
    still_parked: list[Carrier] = field(default_factory=list)
    """What due parked events wait for: rows not yet known to be published."""


@dataclass(slots=True)
class _Work:
    """What is being decided, until it is committed."""

    state: BatchState = field(default_factory=BatchState)
    decided: list[tuple[PartitionKey, list[Decided]]] = field(default_factory=list)
    next_offsets: dict[PartitionKey, int] = field(default_factory=dict)
    committed: Committed = field(default_factory=Committed)


class BatchProcessor:
    """Decides and commits batches for the partitions that this process owns."""

    def __init__(
        self,
        pipeline: Pipeline,
        database: Database,
        time: TimeSource,
        event_id_retention: timedelta,
        phases: Phases,
        sender: Sender,
        read_ahead: Callable[[Iterable[str]], None],
    ) -> None:
        """`read_ahead` is told of orders that will be read soon."""
        self._sender = sender
        self._read_ahead = read_ahead
        self._pipeline = pipeline
        self._database = database
        self._time = time
        self._event_id_retention = event_id_retention
        self._phases = phases
        self._refused: dict[Position, tuple[str, str]] = {}
        """Events of the batch under way that cannot be stored or encoded: stage and reason by position."""
        self._refused_by_a_table = 0
        """How many of them were refused for what a table demands."""
        self._released: list[Understood] = []
        """Parked events that the last try released."""

    def understand(self, events: Sequence[RawEvent]) -> list[Understood]:
        """Decode and map. PostgreSQL fetches the first ones' orders while the others are mapped."""
        understood: list[Understood] = []
        for first in range(0, len(events), _READ_AHEAD):
            some = understand(self._pipeline, events[first : first + _READ_AHEAD], self._phases)
            understood += some
            if len(understood) < len(events):
                self._read_ahead(one.order_id for one in some if one.order_id is not None)
                self._phases.lap("postgres")
        return understood

    def commit(
        self, owned: Mapping[PartitionKey, OwnedPartition], understood: Sequence[Understood]
    ) -> Iterator[Committed]:
        """Decide and commit events in their order; usually one transaction.

        When PostgreSQL refuses what a batch writes, the batch is halved until the one event is found that is
        the cause; that one is quarantined, and the others go their way. Each part is committed by itself: the
        caller publishes one before it asks for the next. Raises DatabaseLost, Fenced or OutOfOrder, and
        DatabaseRefuses when it is not an event but everything that PostgreSQL refuses.
        """
        return self._commit_parts(owned, understood, [])

    def end_waiting(self, partition: OwnedPartition, overdue: Sequence[ParkedEvent]) -> Iterator[Committed]:
        """Decide on parked events of a partition whose time is over: journal rows that move no offset."""
        understood = self.understand([parked.event for parked in overdue])
        return self._commit_parts({partition.key: partition}, [], understood)

    def _commit_parts(
        self,
        owned: Mapping[PartitionKey, OwnedPartition],
        understood: Sequence[Understood],
        overdue: Sequence[Understood],
    ) -> Iterator[Committed]:
        self._refused.clear()
        self._refused_by_a_table = 0
        parts = [(understood, overdue)]
        cut: dict[PartitionKey, Carrier] = {}
        while parts:
            events, parked = parts.pop(0)
            # What follows an event that waits has to wait behind it.
            left = [one for one in events if one.partition in cut]
            try:
                committed = self._commit(owned, [one for one in events if one.partition not in cut], parked)
            except Refused as refused:
                parts[:0] = self._smaller(events, parked, refused)
                continue
            cut |= committed.waiting
            committed.left += left
            yield committed

    def _smaller(
        self, events: Sequence[Understood], parked: Sequence[Understood], refused: Refused
    ) -> list[tuple[Sequence[Understood], Sequence[Understood]]]:
        """The halves of a refused part; a single event is marked, and its part tried once more.

        Raises DatabaseRefuses when it is not the event's fault.
        """
        ones = parked or events
        if len(ones) > 1:
            middle = len(ones) // 2
            halves = (ones[:middle], ones[middle:])
            return [((), half) if parked else (half, ()) for half in halves]
        # Events that it releases are blamed first: otherwise they would take every event of their order along.
        suspects = [one for one in self._released if _position(one) not in self._refused] or [ones[0]]
        by_a_table = not refused.sqlstate.startswith(_DATA_ERROR)
        if (by_a_table and self._refused_by_a_table >= MOST_REFUSED) or _position(suspects[0]) in self._refused:
            raise DatabaseRefuses(self._database.address, refused.reason) from refused
        if by_a_table:
            self._refused_by_a_table += len(suspects)
        for suspect in suspects:
            self._refuse(suspect, "store", f"the database refused it ({refused.reason}, {refused.sqlstate})")
        return [(events, parked)]

    def _commit(
        self,
        owned: Mapping[PartitionKey, OwnedPartition],
        understood: Sequence[Understood],
        overdue: Sequence[Understood],
    ) -> Committed:
        tries = 0
        while True:
            try:
                return self._try(owned, understood, overdue)
            except TryAgain as error:
                tries += 1
                if tries == MOST_TRIES:
                    raise
                log.info("batch_decided_again", reason=str(error))
            except _Unencodable as error:
                self._refuse(error.understood, "encode", str(error))

    def _try(
        self,
        owned: Mapping[PartitionKey, OwnedPartition],
        understood: Sequence[Understood],
        overdue: Sequence[Understood],
    ) -> Committed:
        involved = {key: owned[key] for key in sorted({one.partition for one in (*understood, *overdue)})}
        work = _Work()
        if not involved:
            return work.committed
        try:
            rows = self._write(work, involved, understood, overdue)
        except Exception:  # whatever it was, PostgreSQL has not certainly kept the batch
            self._sender.abort()
            raise
        self._phases.lap("postgres")
        return self._committed(work, involved, understood, rows)

    def _write(
        self,
        work: _Work,
        involved: Mapping[PartitionKey, OwnedPartition],
        understood: Sequence[Understood],
        overdue: Sequence[Understood],
    ) -> list[JournalRow]:
        """One transaction: read, decide and write. The records are on their way to Kafka while PostgreSQL writes."""
        with self._database.pipelined_transaction() as connection:
            locked = positions.lock(connection, [_step(p, p.next_offset) for p in involved.values()])
            unit = UnitOfWork(connection, self._event_id_retention)
            self._read(unit, work.state, [*understood, *overdue])
            locked.must_be_as_expected()
            self._phases.lap("postgres")
            self._decide(work, involved, understood, overdue)
            self._phases.lap("check")
            rows = self._encode(work, involved)
            self._phases.lap("encode")
            if rows:
                self._sender.begin(work.committed.records)
                self._phases.lap("kafka")
                unit.write(work.state)
                journal.append(connection, rows)
                positions.advance(connection, [_step(involved[r.topic, r.partition], r.next_offset) for r in rows])
        return rows

    def _read(self, unit: UnitOfWork, state: BatchState, understood: Sequence[Understood]) -> None:
        unit.read_orders(
            state,
            {one.order_id for one in understood if one.order_id is not None},
            {one.event_key for one in understood if one.event_key is not None},
        )
        placing = with_guests(understood, state)
        unit.read_sessions(state, {one.session_id for one in placing if one.session_id is not None})
        unit.read_orders(state, orders_within_reach(placing, state) - state.orders.keys(), ())
        unit.read_guests(state, guests_within_reach(placing, state))

    def _decide(
        self,
        work: _Work,
        involved: Mapping[PartitionKey, OwnedPartition],
        understood: Sequence[Understood],
        overdue: Sequence[Understood],
    ) -> None:
        now = self._time.now()
        self._released.clear()
        waiting = work.committed.waiting
        for one in overdue:
            carrier = Carrier(*one.partition, involved[one.partition].sequence + 1)
            try:
                decided = self._pipeline.end_waiting(one, work.state, carrier, now, self._refused)
            except HandOver as hand_over:
                work.committed.still_parked.append(hand_over.carrier)
                continue  # it is looked at again soon
            if decided:
                work.decided.append((one.partition, decided))
                self._released += [other for other, _ in decided if other is not one]
        for one in understood:
            key, offset = one.partition, one.event.offset
            if key in waiting:
                work.committed.left.append(one)
                continue
            if offset < work.next_offsets.get(key, involved[key].next_offset):
                raise OutOfOrder(f"{key[0]}/{key[1]} gave offset {offset} again")
            carrier = Carrier(*key, involved[key].sequence + 1)
            try:
                decided = self._pipeline.decide(one, work.state, carrier, now, self._refused)
            except HandOver as hand_over:
                waiting[key] = hand_over.carrier
                work.committed.left.append(one)
                continue
            work.decided.append((key, decided))
            self._released += [other for other, _ in decided[1:]]
            work.next_offsets[key] = offset + 1

    def _encode(self, work: _Work, involved: Mapping[PartitionKey, OwnedPartition]) -> list[JournalRow]:
        records: dict[PartitionKey, list[OutputRecord]] = {}
        for key, decided in work.decided:
            out = records.setdefault(key, [])
            for one, drafts in decided:
                out += self._encoded(one, drafts, work.state)
        work.committed.records = [record for out in records.values() for record in out]
        return [
            JournalRow(
                *key,
                involved[key].sequence + 1,
                involved[key].next_offset,
                work.next_offsets.get(key, involved[key].next_offset),
                len(out),
                pack(out),
            )
            for key, out in records.items()
        ]

    def _encoded(self, one: Understood, drafts: Sequence[Draft], state: BatchState) -> list[OutputRecord]:
        try:
            encoded = self._pipeline.encode(drafts, state)
        except EncodeError as error:
            raise _Unencodable(one, str(error)) from error
        for record in encoded:
            if len(record.value or b"") > MAX_RECORD_BYTES - _ROOM_FOR_HEADERS:
                raise _Unencodable(one, f"its output on {record.topic} is larger than a record may be")
        return encoded

    def _committed(
        self,
        work: _Work,
        involved: Mapping[PartitionKey, OwnedPartition],
        understood: Sequence[Understood],
        rows: Sequence[JournalRow],
    ) -> Committed:
        committed, state = work.committed, work.state
        for row in rows:
            partition = involved[row.topic, row.partition]
            partition.next_offset, partition.sequence = row.next_offset, row.sequence
            committed.receipts.append(receipt(row.topic, row.partition, row.next_offset, row.sequence))
        for outcome in state.outcomes.values():
            committed.outcomes[outcome.channel, outcome.outcome.value] += 1
        for one in understood:
            if one.mapped is not None and one.mapped.unknown_fields:
                committed.unknown_fields[one.channel.name] += one.mapped.unknown_fields
        committed.findings = [(row.channel, row.finding) for row in state.findings]
        look = self._time.now() + LOOK_AGAIN_US
        for parked in state.parked_now:
            partition = involved[parked.event.topic, parked.event.partition]
            partition.next_deadline = min(partition.next_deadline or look, parked.deadline, look)
        return committed

    def _refuse(self, understood: Understood, stage: str, message: str) -> None:
        """Mark an event so that the next decision on it is quarantine."""
        event = understood.event
        self._refused[_position(understood)] = (stage, message)
        log.warning(
            "event_refused",
            topic=event.topic,
            partition=event.partition,
            raw_offset=event.offset,
            reason=message,
        )


class _Unencodable(Exception):
    """An event's output does not fit its schema or a record: a fault of a mapper that no rule has caught."""

    def __init__(self, understood: Understood, message: str) -> None:
        super().__init__(message)
        self.understood = understood


def understand(pipeline: Pipeline, events: Sequence[RawEvent], phases: Phases) -> list[Understood]:
    """Decode and map, a few events at a time."""
    understood: list[Understood] = []
    for first in range(0, len(events), _AT_ONCE):
        decoded = pipeline.decode(events[first : first + _AT_ONCE])
        phases.lap("decode")
        understood += pipeline.map(decoded)
        phases.lap("map")
    return understood


def _position(understood: Understood) -> Position:
    event = understood.event
    return Position(event.topic, event.partition, event.offset)


def _step(partition: OwnedPartition, next_offset: int) -> Advance:
    return Advance(
        *partition.key, partition.epoch, partition.next_offset, next_offset, partition.sequence, partition.leader_epoch
    )
