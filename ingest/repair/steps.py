"""Carrying out a plan's steps, one way for each kind, on partitions that are fenced already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from consumers.kafka_source import PartitionKey
from ingest.assembly import batch_processor
from ingest.database import journal, output_ends
from ingest.database.connection import Database
from ingest.database.journal import JournalRow
from ingest.database.positions import Fence
from ingest.errors import OrdergateError
from ingest.repair.behind import Rebuild
from ingest.repair.broker_state import BrokerState
from ingest.repair.fencing import Fencing
from ingest.repair.journal_gap import NoteGap
from ingest.repair.look import Looker
from ingest.repair.lost_outputs import PublishAgain
from ingest.repair.moves import go_on_at_ends, note_gap, skip_gap, start_anew, waiting
from ingest.repair.new_database import AcceptOutputs, GiveReceipts, GoOnAtEnds
from ingest.repair.outputs import Isolation
from ingest.repair.plan import CommitReceipt, Step
from ingest.repair.raw_log import SkipGap, StartAnew
from ingest.repair.rebuild import Rebuilder
from ingest.repair.torn import EndTransaction
from ingest.repair.trail import record_id
from ingest.settings import Settings
from ingest.worker.partition import OwnedPartition
from ingest.worker.receipt import receipt
from producers.journal_records import unpack

_AT_ONCE_BYTES = 16 * 1024 * 1024


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


class Steps:
    """Each step may be cut off anywhere and is then found as it was, or done."""

    def __init__(self, given: Settings, database: Database, looker: Looker, fencing: Fencing) -> None:
        self._given = given
        self._database = database
        self._looker = looker
        self._fencing = fencing

    def carry_out(self, step: Step, key: PartitionKey, fence: Fence | None) -> None:
        """One step of the plan of a partition; `fence` is None where that has no position.

        Raises Doubt, GroupFenced, RepairInDoubt, WaitsForAnother, TakenOver, Fenced or OutOfOrder.
        """
        match step:
            case CommitReceipt():
                self._commit_receipt(key, step)
                self._fencing.release(key, _held(fence))
            case SkipGap():
                with self._database.transaction() as connection:
                    skip_gap(connection, key, _held(fence), step)
            case StartAnew():
                self._start_anew(key, step, _held(fence))
            case NoteGap():
                with self._database.transaction() as connection:
                    note_gap(connection, key, _held(fence).topic_id, step)
            case PublishAgain():
                self._publish_again(step)
            case Rebuild():
                self._rebuild(step)
            case GiveReceipts():
                self._give_receipts(step)
            case GoOnAtEnds():
                self._go_on_at_ends(step)
            case AcceptOutputs():
                self._remember_outputs()
            case EndTransaction():
                self._end_transaction(step)
            case _:
                raise AssertionError(step)

    def _commit_receipt(self, key: PartitionKey, step: CommitReceipt) -> None:
        """Publish the rows in their order, each transaction with the receipt of its last row."""
        rows: list[JournalRow] = []
        if step.publish:
            with self._database.transaction() as connection:
                found = journal.after(connection, *key, step.publish[0] - 1)
            rows = [row for row in found if row.sequence <= step.publish[-1]]
        metadata = self._looker.consumer.consumer_group_metadata()
        for part in _parts(rows):
            records = [record for row in part for record in unpack(row.records)]
            last = part[-1]
            self._fencing.publisher.publish(records, [receipt(*key, last.next_offset, last.sequence)], metadata)
        if not rows or rows[-1].sequence != step.sequence:
            self._fencing.publisher.publish([], [receipt(*key, step.offset, step.sequence)], metadata)

    def _start_anew(self, key: PartitionKey, step: StartAnew, fence: Fence) -> None:
        """Decide what waits, commit the receipt at the new offset, and move the position last.

        Until the position is moved the partition is halted for the same cause, so this may be cut off anywhere.
        """
        metadata = self._looker.consumer.consumer_group_metadata()
        owned = OwnedPartition(key, epoch=fence.epoch, next_offset=fence.next_offset, sequence=fence.sequence)
        with self._database.transaction() as connection:
            parked = waiting(connection, key, step.archived_from)
        if parked:
            processor = batch_processor(self._given, self._database, self._looker.is_published)
            for committed in processor.end_waiting(owned, parked):
                self._fencing.publisher.publish(committed.records, committed.receipts, metadata)
            with self._database.transaction() as connection:
                if waiting(connection, key, step.archived_from):
                    raise WaitsForAnother(f"{key[0]}/{key[1]}")
        self._fencing.publisher.publish([], [receipt(*key, step.offset, owned.sequence)], metadata)
        with self._database.transaction() as connection:
            start_anew(connection, key, fence, step, owned.next_offset, owned.sequence)
        self._fencing.release(key, fence)

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
            self._fencing.publisher.publish(records, [], metadata)
        self._remember_outputs()

    def _remember_outputs(self) -> None:
        ends = self._looker.output_ends()
        with self._database.transaction() as connection:
            output_ends.replace(connection, ends)

    def _rebuild(self, step: Rebuild) -> None:
        """Fence every partition whose decisions are made again, then do it."""
        epochs, unknown = {}, {}
        for lost in step.lost:
            key = (lost.topic, lost.partition)
            fence = self._fencing.fence(key)
            if fence is None:
                unknown[key] = self._looker.topic_id(lost.topic)
            else:
                self._fencing.end_transaction_of_owner(fence)
                epochs[key] = fence.epoch
        servers, group_id = self._given.kafka_bootstrap_servers, self._given.group_id
        processor = batch_processor(self._given, self._database, lambda _carrier: True)
        outputs = self._looker.outputs(Isolation.COMMITTED)
        Rebuilder(servers, group_id, self._database, processor, outputs).rebuild(step, epochs, unknown)

    def _give_receipts(self, step: GiveReceipts) -> None:
        """Cut off before it, the partitions lack their receipts only: the repair of that gives the same ones."""
        receipts = [receipt(one.topic, one.partition, one.end, one.sequence) for one in step.lost]
        self._fencing.publisher.publish([], receipts, self._looker.consumer.consumer_group_metadata())

    def _go_on_at_ends(self, step: GoOnAtEnds) -> None:
        """Positions first: a worker gives a new position its first receipt by itself."""
        starts = {key: self._looker.evidence(key) for key in step.partitions}
        with self._database.transaction() as connection:
            go_on_at_ends(connection, [(key, one.topic_id, one.bounds) for key, one in starts.items()])
        receipts = [receipt(*key, one.bounds.high, 0) for key, one in starts.items()]
        self._fencing.publisher.publish([], receipts, self._looker.consumer.consumer_group_metadata())

    def _end_transaction(self, step: EndTransaction) -> None:
        with BrokerState(self._given.kafka_bootstrap_servers) as brokers:
            brokers.partitions({topic for topic, _ in step.partitions})
            brokers.write_markers(
                step.producer_id, step.producer_epoch, step.coordinator_epoch, step.end, step.partitions
            )


def _held(fence: Fence | None) -> Fence:
    assert fence is not None, "only a partition with a position has this step"
    return fence


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
