"""Applying a plan, fenced as a worker is: an owner id of its own, the epoch raised, the last owner's transaction ended.

A worker that starts meanwhile raises the epoch again and ends the transaction of this repair before it reads
anything, so at every moment only one of the two can change a partition.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import confluent_kafka

from consumers.kafka_source import PartitionKey
from ingest.assembly import batch_processor, retention_ranges
from ingest.database import journal, output_ends, positions
from ingest.database.connection import Database
from ingest.database.journal import JournalRow
from ingest.database.positions import Fence, Fenced
from ingest.database.retention import maintain
from ingest.errors import Cause, OrdergateError
from ingest.repair.behind import Rebuild
from ingest.repair.broker_state import BrokerState
from ingest.repair.journal_gap import NoteGap
from ingest.repair.look import Looker
from ingest.repair.lost_outputs import PublishAgain
from ingest.repair.moves import TakenOver, note_gap, skip_gap, start_anew, waiting
from ingest.repair.outputs import Isolation
from ingest.repair.plan import CommitReceipt, Plan
from ingest.repair.raw_log import SkipGap, StartAnew
from ingest.repair.rebuild import Rebuilder
from ingest.repair.torn import EndTransaction
from ingest.repair.trail import record_id
from ingest.settings import Settings
from ingest.telemetry.kafka_log import kafka_logger
from ingest.worker.batch import OutOfOrder
from ingest.worker.partition import OwnedPartition
from ingest.worker.receipt import receipt
from ingest.worker.watchdog import Watchdog
from producers.journal_records import unpack
from producers.publisher import (
    Doubt,
    GroupFenced,
    Producer,
    TransactionalPublisher,
    end_transaction_of,
    producer_config,
)

_ENDS_TRANSACTIONS = frozenset({Cause.OFFSET_UNSTABLE, Cause.READERS_WAIT})
"""To initialise the owner's id first would make its coordinator forget how it ended the transaction."""
_FOR_EVER = timedelta(days=365_000)
_AT_ONCE_BYTES = 16 * 1024 * 1024
_GROUP_EMPTIES_S = 5.0


class WorkersRun(OrdergateError):
    """Stop the workers: nothing is repaired under their feet."""

    def __init__(self, group_id: str, members: int) -> None:
        super().__init__(
            f"{members} worker{'s'[: members != 1]} of the group {group_id} still run",
            known="a repair commits the group's offsets, which only its members may do while it has any; a worker that "
            "was killed is a member until its session times out",
            safe="nothing was changed",
            do="stop all workers, then do the same again; the plan alone can be seen while they run",
        )


class MovedOn(OrdergateError):
    """Look again: what the plan was made from has changed."""

    def __init__(self, partition: str) -> None:
        super().__init__(
            f"{partition} is not as it was when its plan was made",
            known="somebody has changed the group's offset, the database or the topics meanwhile",
            safe="nothing was published and no offset was changed",
            do=f"run `ordergate recover {partition}` again, and look at the new plan",
        )


class RepairInDoubt(OrdergateError):
    """Do it again: the repair was cut off, and the next one finds out how far it came."""

    def __init__(self, partition: str, detail: str) -> None:
        super().__init__(
            f"the repair of {partition} was cut off",
            known=detail,
            safe="whatever was published is known by its receipt or by its trail in the output topics",
            do=f"run `ordergate recover {partition}` again when Kafka and PostgreSQL serve and no worker runs",
        )


class WaitsForAnother(OrdergateError):
    """Repair or start the other partitions first."""

    def __init__(self, partition: str) -> None:
        super().__init__(
            f"events of {partition} wait for an order whose last change is not published",
            known="another partition has decided that change; its owner has to publish it first",
            safe="the position was not moved; what was decided is published",
            do=f"start a worker for the other partitions, stop it again, and run `ordergate recover {partition}` again",
        )


class Repairer:
    """Applies plans; closed at the end of `with`."""

    def __init__(self, given: Settings, database: Database, looker: Looker) -> None:
        self._given = given
        self._database = database
        self._looker = looker
        self._watchdog = Watchdog(given.kafka_call_deadline_s, time.monotonic)
        self._tunable = {
            "transaction_timeout_ms": given.transaction_timeout_ms,
            "retry_backoff_ms": given.retry_backoff_ms,
            "statistics_interval_ms": given.statistics_interval_ms,
        }
        self._publisher = TransactionalPublisher(
            _make_producer,
            producer_config(given.kafka_bootstrap_servers, f"{given.group_id}-recover", self._tunable),
            time.monotonic,
            self._watchdog.deadline,
            lambda _reason: None,
            lambda: time.time_ns() // 1000,
        )

    @contextmanager
    def open(self) -> Iterator[None]:
        """Ready to apply; everything is let go at the end. Raises WorkersRun."""
        self._wait_until_the_group_is_empty()
        self._make_room()
        self._watchdog.start()
        try:
            yield
        finally:
            self._publisher.close()
            self._watchdog.stop()

    def apply(self, plan: Plan, plan_again: Callable[[], Plan | None]) -> None:
        """Carry out a plan. `plan_again` makes it anew, once nobody else can change the partition any more.

        Raises MovedOn when the new plan is another one, RepairInDoubt when a step was cut off, and TakenOver when a
        worker has come between.
        """
        key = (plan.topic, plan.partition)
        try:
            fence = self._fence(key)
            if plan.cause not in _ENDS_TRANSACTIONS:
                self._end_transaction_of_owner(fence)
            again = plan_again()
            if again is None:
                return  # repaired together with another partition
            if again.steps != plan.steps:
                raise MovedOn(plan.name)
            for step in plan.steps:
                match step:
                    case CommitReceipt():
                        self._commit_receipt(key, step)
                        self._release(key, fence)
                    case SkipGap():
                        self._skip_gap(key, step, fence)
                    case StartAnew():
                        self._start_anew(key, step, fence)
                    case NoteGap():
                        self._note_gap(key, step, fence)
                    case PublishAgain():
                        self._publish_again(step)
                    case Rebuild():
                        self._rebuild(step)
                    case EndTransaction():
                        self._end_transaction(step)
                    case _:
                        raise AssertionError(step)
        except (Doubt, GroupFenced) as error:
            raise RepairInDoubt(plan.name, str(error)) from error
        except (Fenced, OutOfOrder) as error:
            raise TakenOver(plan.name) from error

    def _make_room(self) -> None:
        """Tables have partitions for now, which workers make otherwise. None is dropped: a repair may need its rows."""
        ranges = [replace(one, keep=_FOR_EVER) for one in retention_ranges(self._given)]
        with self._database.transaction() as connection:
            maintain(connection, ranges, datetime.now(UTC))

    def _fence(self, key: PartitionKey) -> Fence | None:
        """Nobody else can decide for the partition afterwards, unless he takes it over; None for no raw partition."""
        self._publisher.ensure_open()
        with self._database.transaction() as connection:
            return positions.fence(connection, *key, self._publisher.transactional_id)

    def _end_transaction_of_owner(self, fence: Fence | None) -> None:
        """Nobody else can publish for the partition afterwards."""
        if fence is None or fence.released or fence.previous_owner in (None, self._publisher.transactional_id):
            return
        with self._watchdog.deadline("take_over"):
            config = producer_config(self._given.kafka_bootstrap_servers, fence.previous_owner, self._tunable)
            end_transaction_of(_make_producer, config, 30)

    def _release(self, key: PartitionKey, fence: Fence | None) -> None:
        """Everything is published: the next owner need not end anything."""
        assert fence is not None
        with self._database.transaction() as connection:
            positions.release(connection, *key, fence.epoch)

    def _skip_gap(self, key: PartitionKey, step: SkipGap, fence: Fence | None) -> None:
        assert fence is not None
        with self._database.transaction() as connection:
            skip_gap(connection, key, fence, step)

    def _note_gap(self, key: PartitionKey, step: NoteGap, fence: Fence | None) -> None:
        assert fence is not None
        with self._database.transaction() as connection:
            note_gap(connection, key, fence.topic_id, step)

    def _start_anew(self, key: PartitionKey, step: StartAnew, fence: Fence | None) -> None:
        """Decide what waits, commit the receipt at the new offset, and move the position last.

        Until the position is moved the partition is halted for the same cause, so this may be cut off anywhere.
        """
        assert fence is not None
        metadata = self._looker.consumer.consumer_group_metadata()
        owned = OwnedPartition(key, epoch=fence.epoch, next_offset=fence.next_offset, sequence=fence.sequence)
        with self._database.transaction() as connection:
            parked = waiting(connection, key, step.archived_from)
        if parked:
            processor = batch_processor(self._given, self._database, self._looker.is_published)
            for committed in processor.end_waiting(owned, parked):
                self._publisher.publish(committed.records, committed.receipts, metadata)
            with self._database.transaction() as connection:
                if waiting(connection, key, step.archived_from):
                    raise WaitsForAnother(f"{key[0]}/{key[1]}")
        self._publisher.publish([], [receipt(*key, step.offset, owned.sequence)], metadata)
        with self._database.transaction() as connection:
            start_anew(connection, key, fence, step, owned.next_offset, owned.sequence)
        self._release(key, fence)

    def _publish_again(self, step: PublishAgain) -> None:
        """Transactions without offsets: the receipts are right already."""
        metadata = self._looker.consumer.consumer_group_metadata()
        for missing in step.missing:
            key, wanted = (missing.topic, missing.partition), set(missing.records)
            with self._database.transaction() as connection:
                row = journal.one(connection, *key, missing.sequence)
            if row is None:
                raise RepairInDoubt(f"{key[0]}/{key[1]}", f"journal row {missing.sequence:,} was removed meanwhile")
            records = [record for record in unpack(row.records) if record_id(record) in wanted]
            self._publisher.publish(records, [], metadata)
        with self._database.transaction() as connection:
            output_ends.replace(connection, self._looker.output_ends())

    def _rebuild(self, step: Rebuild) -> None:
        """Fence every partition whose decisions are made again, then do it."""
        epochs = {}
        for lost in step.lost:
            key = (lost.topic, lost.partition)
            with self._database.transaction() as connection:
                positions.create(connection, *key, self._looker.topic_id(lost.topic), lost.start)
            fence = self._fence(key)
            assert fence is not None
            self._end_transaction_of_owner(fence)
            epochs[key] = fence.epoch
        servers, group_id = self._given.kafka_bootstrap_servers, self._given.group_id
        processor = batch_processor(self._given, self._database, lambda _carrier: True)
        outputs = self._looker.outputs(Isolation.COMMITTED)
        Rebuilder(servers, group_id, self._database, processor, outputs).rebuild(step, epochs)

    def _end_transaction(self, step: EndTransaction) -> None:
        with BrokerState(self._given.kafka_bootstrap_servers) as brokers:
            brokers.partitions({topic for topic, _ in step.partitions})
            brokers.write_markers(
                step.producer_id, step.producer_epoch, step.coordinator_epoch, step.end, step.partitions
            )

    def _commit_receipt(self, key: PartitionKey, step: CommitReceipt) -> None:
        """Publish the rows in their order, each transaction with the receipt of its last row."""
        metadata = self._looker.consumer.consumer_group_metadata()
        rows: list[JournalRow] = []
        if step.publish:
            with self._database.transaction() as connection:
                found = journal.after(connection, *key, step.publish[0] - 1)
            rows = [row for row in found if row.sequence <= step.publish[-1]]
        for part in _parts(rows):
            records = [record for row in part for record in unpack(row.records)]
            last = part[-1]
            self._publisher.publish(records, [receipt(*key, last.next_offset, last.sequence)], metadata)
        if not rows or rows[-1].sequence != step.sequence:
            self._publisher.publish([], [receipt(*key, step.offset, step.sequence)], metadata)

    def _wait_until_the_group_is_empty(self) -> None:
        """A worker that was stopped a moment ago may be a member for as long as its session."""
        until = time.monotonic() + self._given.session_timeout_ms / 1000 + _GROUP_EMPTIES_S
        while members := self._looker.group_members():
            if time.monotonic() > until:
                raise WorkersRun(self._given.group_id, members)
            time.sleep(0.5)


def _make_producer(config: dict[str, object]) -> Producer:
    return cast("Producer", confluent_kafka.Producer(config, logger=kafka_logger()))


def _parts(rows: Sequence[JournalRow]) -> Iterator[list[JournalRow]]:
    """The rows in parts of bounded size, at least one row each."""
    part: list[JournalRow] = []
    size = 0
    for row in rows:
        if part and size + len(row.records) > _AT_ONCE_BYTES:
            yield part
            part, size = [], 0
        part.append(row)
        size += len(row.records)
    if part:
        yield part
