"""One batch: understood once, then decided and committed in one PostgreSQL transaction, with its journal rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
from ingest.pipeline import Pipeline, guests_within_reach, orders_within_reach
from ingest.raw_event import RawEvent
from ingest.state import BatchState, Carrier, ParkedEvent
from ingest.understanding import Understood
from ingest.worker.partition import OwnedPartition, PartitionKey
from ingest.worker.phases import Phases
from ingest.worker.receipt import receipt
from producers.journal_records import pack
from producers.records import OutputRecord
from quality.finding import Finding
from schemas.codec import EncodeError

log = structlog.get_logger()
MOST_TRIES = 20
MOST_REFUSED = 5
"""Events of one batch that may be quarantined because PostgreSQL refuses them; more are not the events' fault."""


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


class _Unencodable(Exception):
    """An event's output does not fit its schema: a fault of a mapper that no rule has caught."""

    def __init__(self, understood: Understood, message: str) -> None:
        super().__init__(message)
        self.understood = understood


@dataclass(slots=True)
class _Work:
    """What is being decided, until it is committed."""

    state: BatchState = field(default_factory=BatchState)
    drafts: list[tuple[PartitionKey, Understood, list[Draft]]] = field(default_factory=list)
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
    ) -> None:
        self._pipeline = pipeline
        self._database = database
        self._time = time
        self._event_id_retention = event_id_retention
        self._phases = phases

    def understand(self, events: Sequence[RawEvent]) -> list[Understood]:
        """Decode and map."""
        decoded = self._pipeline.decode(events)
        self._phases.lap("decode")
        mapped = self._pipeline.map(decoded)
        self._phases.lap("map")
        return mapped

    def commit(
        self, owned: Mapping[PartitionKey, OwnedPartition], understood: Sequence[Understood]
    ) -> Iterator[Committed]:
        """Decide and commit events in their order; usually one transaction.

        When PostgreSQL refuses what a batch writes, the batch is halved until the one event is found that is
        the cause; that one is quarantined, and the others go their way. Each part is committed by itself: the
        caller publishes one before it asks for the next. Raises DatabaseLost or Fenced, and DatabaseRefuses when it is not an
        event but everything that PostgreSQL refuses.
        """
        return self._commit_parts(owned, understood, MOST_REFUSED)

    def _commit_parts(
        self, owned: Mapping[PartitionKey, OwnedPartition], understood: Sequence[Understood], patience: int
    ) -> Iterator[Committed]:
        parts = [understood]
        while parts:
            part = parts.pop(0)
            try:
                yield self._commit(owned, part, [])
            except Refused as refused:
                if len(part) > 1:
                    middle = len(part) // 2
                    parts[:0] = [part[:middle], part[middle:]]
                    continue
                if patience == 0:
                    raise DatabaseRefuses(self._database.address, refused.reason) from refused
                patience -= 1
                _refuse(part[0], "store", f"the database refused it ({refused.reason}, {refused.sqlstate})")
                parts.insert(0, part)

    def end_waiting(self, partition: OwnedPartition, overdue: Sequence[ParkedEvent]) -> Committed:
        """Decide on parked events of a partition whose time is over: a journal row that moves no offset."""
        understood = self.understand([parked.event for parked in overdue])
        return self._commit({partition.key: partition}, [], understood)

    def _commit(
        self,
        owned: Mapping[PartitionKey, OwnedPartition],
        understood: Sequence[Understood],
        overdue: Sequence[Understood],
    ) -> Committed:
        for _ in range(MOST_TRIES):
            try:
                return self._try(owned, understood, overdue)
            except TryAgain as error:
                log.info("batch_decided_again", reason=str(error))
            except _Unencodable as error:
                _refuse(error.understood, "encode", str(error))
        raise RuntimeError("a batch met other transactions on every try")

    def _try(
        self,
        owned: Mapping[PartitionKey, OwnedPartition],
        understood: Sequence[Understood],
        overdue: Sequence[Understood],
    ) -> Committed:
        keys = {(one.event.topic, one.event.partition) for one in (*understood, *overdue)}
        involved = {key: owned[key] for key in sorted(keys)}
        work = _Work()
        with self._database.transaction() as connection:
            positions.lock(connection, [_step(p, p.next_offset) for p in involved.values()])
            unit = UnitOfWork(connection, self._event_id_retention)
            self._read(unit, work.state, [*understood, *overdue])
            self._phases.lap("postgres")
            self._decide(work, involved, understood, overdue)
            self._phases.lap("check")
            rows = self._encode(work, involved)
            self._phases.lap("encode")
            if rows:
                unit.write(work.state)
                journal.append(connection, rows)
                positions.advance(
                    connection, [_step(involved[r.topic, r.partition], r.next_offset) for r in rows]
                )
        self._phases.lap("postgres")
        return self._committed(work, involved, understood, rows)

    def _read(self, unit: UnitOfWork, state: BatchState, understood: Sequence[Understood]) -> None:
        sessions = {one.session_id for one in understood if one.session_id is not None}
        orders = {one.order_id for one in understood if one.order_id is not None}
        unit.read_sessions(state, sessions)
        unit.read_orders(state, orders | orders_within_reach(understood, state))
        unit.read_guests(state, guests_within_reach(understood, state))
        unit.read_event_keys(state, [key for one in understood if (key := one.event_key) is not None])

    def _decide(
        self,
        work: _Work,
        involved: Mapping[PartitionKey, OwnedPartition],
        understood: Sequence[Understood],
        overdue: Sequence[Understood],
    ) -> None:
        now = self._time.now()
        waiting = work.committed.waiting
        for decide, ones in ((self._pipeline.end_waiting, overdue), (self._pipeline.decide, understood)):
            for one in ones:
                key = (one.event.topic, one.event.partition)
                if key in waiting:
                    work.committed.left.append(one)
                    continue
                try:
                    drafts = decide(one, work.state, Carrier(*key, involved[key].sequence + 1), now)
                except HandOver as hand_over:
                    waiting[key] = hand_over.carrier
                    work.committed.left.append(one)
                    continue
                work.drafts.append((key, one, drafts))
                if ones is understood:
                    work.next_offsets[key] = one.event.offset + 1

    def _encode(self, work: _Work, involved: Mapping[PartitionKey, OwnedPartition]) -> list[JournalRow]:
        records: dict[PartitionKey, list[OutputRecord]] = {}
        for key, one, drafts in work.drafts:
            try:
                encoded = self._pipeline.encode(drafts, work.state)
            except EncodeError as error:
                raise _Unencodable(one, str(error)) from error
            work.committed.records += encoded
            records.setdefault(key, []).extend(encoded)
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
        for parked in state.parked_now:
            partition = involved[parked.event.topic, parked.event.partition]
            partition.next_deadline = min(partition.next_deadline or parked.deadline, parked.deadline)
        return committed


def _refuse(understood: Understood, stage: str, message: str) -> None:
    """Mark an event so that the next decision on it is quarantine."""
    event = understood.event
    understood.findings.append(understood.contract.finding("record_refused", "", message))
    understood.mapped = None
    understood.stage = stage
    log.warning(
        "event_refused", topic=event.topic, partition=event.partition, raw_offset=event.offset, reason=message
    )


def _step(partition: OwnedPartition, next_offset: int) -> Advance:
    return Advance(*partition.key, partition.epoch, partition.next_offset, next_offset, partition.sequence)
