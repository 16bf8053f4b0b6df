"""Recovery: the one way from any doubt back to certainty. Start, crash, fence, time-out: always this path.

It may be left by an exception at every step and entered again: each step only raises the fence, asks, or
publishes what Kafka does not have yet, and the answer to "has it?" is read after the fence is up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import structlog

from consumers.kafka_consumer import is_joined_member
from consumers.kafka_source import BrokerSilent, Committed, KafkaSource, OffsetUnstable
from ingest.clock import TimeSource
from ingest.database import journal, positions, statements
from ingest.database.connection import Database
from ingest.database.positions import Advance, Fence
from ingest.errors import Cause, PartitionHalted
from ingest.worker import new_database
from ingest.worker.output_watch import OutputWatch, halt
from ingest.worker.partition import OwnedPartition, PartitionKey
from ingest.worker.receipt import LogBounds, check, check_rows, published_sequence, receipt
from producers.journal_records import unpack
from producers.publisher import TransactionalPublisher

log = structlog.get_logger()
_LEAST_BOUND_S = 2.0
"""A healthy partition's answer comes within this, however long an unstable one was waited for before."""
_OTHERS_BOUND_S = 2.0
_OTHERS_LEAST_BOUND_S = 0.5
"""Less than for a recovery's own partitions: there may be many, and none of them halts for want of an answer."""
_LONGEST_AFTER_S = 60.0
"""Past the common bound, unstable partitions are halted for so long; then the worker polls before the others' turn.

The group takes a member for dead that does not poll for 300 s (`max.poll.interval.ms`). With 64 partitions, all of them
unstable, a call lasts at most 33 s for the look at the database, what is left of 30 s, and these 60 s; or 162 s when
all of them are new.
"""


class Recovery:
    """Fences partitions, ends what a dead owner left open, and publishes what the journal has and Kafka lacks."""

    def __init__(
        self,
        database: Database,
        source: KafkaSource,
        publisher: TransactionalPublisher,
        topic_id: Callable[[str], str],
        epoch_ends: Callable[[Mapping[PartitionKey, int]], Mapping[PartitionKey, int]],
        take_over: Callable[[str], None],
        stable_bound_s: float,
        time: TimeSource,
        on_recovered: Callable[[PartitionKey, int], None],
        on_asking: Callable[[], None],
        outputs: OutputWatch,
    ) -> None:
        """`take_over` ends the open transaction of a `transactional.id`; `on_recovered` gets the rows replayed.

        `on_asking` is told of each step that may wait: many partitions together may take longer than the loop may.
        `epoch_ends` tells where leader epochs end in their partitions' logs, nothing where the broker does not know.
        """
        self._database = database
        self._source = source
        self._publisher = publisher
        self._topic_id = topic_id
        self._epoch_ends = epoch_ends
        self._take_over = take_over
        self._stable_bound_s = stable_bound_s
        self._time = time
        self._on_recovered = on_recovered
        self._on_asking = on_asking
        self._outputs = outputs

    def recover(self, partitions: Sequence[OwnedPartition]) -> None:
        """Bring partitions from RECOVERING to RUNNING, or to HALTED.

        Raises DatabaseLost, TryAgain, Fenced, Doubt, GroupFenced or BrokerSilent; then some are still RECOVERING,
        and it is to be called again. So they are when many have to be waited for.
        """
        # Bound to this recovery before anything is read: a later rebalance must fence what it publishes.
        metadata = self._source.group_metadata()
        if not is_joined_member(metadata):
            raise BrokerSilent("not a member of the group yet")
        if lost := self._outputs.look():
            for partition in partitions:
                with _halting(partition):
                    raise halt(partition.key, lost)
            return
        self._publisher.ensure_open()
        until = self._stable_until()
        fences: dict[PartitionKey, Fence] = {}
        for partition in sorted(partitions, key=lambda p: p.key):
            with _halting(partition):
                fences[partition.key] = self._fence(partition.key, until)
        self._end_open_transactions(fences.values())
        until = self._stable_until()  # what was ended just now, however long that took, becomes stable from here on
        if behind := self._database_behind(partitions):
            for partition in partitions:
                if partition.key in fences:
                    with _halting(partition):
                        raise PartitionHalted(
                            *partition.key, Cause.DATABASE_BEHIND, known=behind.known, safe=behind.safe
                        )
            return
        self._give_first_receipts(partitions, fences, metadata, until)
        ends = self._epoch_ends(
            {key: fence.leader_epoch for key, fence in fences.items() if fence.leader_epoch is not None}
        )
        enough = max(until, self._time.monotonic()) + _LONGEST_AFTER_S
        for partition in partitions:
            if partition.key in fences and partition.halt is None:
                with _halting(partition):
                    self._recover(partition, fences[partition.key], ends.get(partition.key), metadata, until)
                if self._time.monotonic() > enough:
                    return

    def outputs_lost(self) -> bool:
        """Whether the output logs, looked at now and then, lost something: then everything has to recover."""
        return bool(self._outputs.look_now_and_then())

    def _end_open_transactions(self, fences: Iterable[Fence]) -> None:
        """End what owners left open that did not release their partitions, and earlier producers of this one."""
        unended, mine = self._publisher.unended, self._publisher.transactional_id
        unended |= {fence.previous_owner for fence in fences if fence.previous_owner and not fence.released} - {mine}
        for owner in sorted(unended):
            self._on_asking()
            self._take_over(owner)
            unended.remove(owner)

    def _database_behind(self, partitions: Iterable[OwnedPartition]) -> PartitionHalted | None:
        """Whether Kafka has published more of any partition, of whichever owner, than the database knows.

        An older database is old for all partitions: guests and orders that one of them has published would get the
        same versions again from another one, whose own receipt shows nothing. Receipts are read first: decided comes
        before published. One that is not stable within the bound is left to its own recovery.
        """
        for partition in partitions:
            if partition.halt is not None and partition.halt.cause is Cause.DATABASE_BEHIND:
                return partition.halt
        with self._database.transaction() as connection:
            keys = sorted(positions.sequences(connection))
        until = self._time.monotonic() + _OTHERS_BOUND_S
        published: dict[PartitionKey, int] = {}
        for key in keys:
            with suppress(OffsetUnstable):
                published[key] = published_sequence(self._ask(key, until, _OTHERS_LEAST_BOUND_S)) or 0
        with self._database.transaction() as connection:
            decided = positions.sequences(connection)
        for key, sequence in published.items():
            known = decided.get(key, 0)  # a fail-over between the two looks may have lost the row itself
            if sequence > known:
                return _behind(key, sequence, known)
        return None

    def _give_first_receipts(
        self, partitions: Iterable[OwnedPartition], fences: Mapping[PartitionKey, Fence], metadata: object, until: float
    ) -> None:
        """Commit where new partitions start: from then on a missing committed offset means that it was lost."""
        receipts = []
        for partition in partitions:
            fence = fences.get(partition.key)
            if fence is not None and fence.sequence == 0:
                with _halting(partition):
                    if self._committed(partition.key, until).offset is None:
                        receipts.append(receipt(*partition.key, fence.next_offset, 0))
        if receipts:
            self._publisher.publish([], receipts, metadata)

    def _recover(
        self, partition: OwnedPartition, fence: Fence, epoch_end: int | None, metadata: object, until: float
    ) -> None:
        topic, number = partition.key
        committed = self._committed(partition.key, until)
        bounds = LogBounds(*self._source.watermarks(partition.key), epoch_end)
        topic_id = self._topic_id(topic)
        with self._database.transaction() as connection:
            # Compared under the fence: what a later owner has decided since would look like a gap or a lost database.
            positions.lock(connection, [_expected(partition.key, fence)]).must_be_as_expected()
            published = check(topic, number, fence, topic_id, committed, bounds)
            rows = journal.after(connection, *partition.key, published)
        check_rows(topic, number, fence, committed, rows)
        if rows:
            records = [record for row in rows for record in unpack(row.records)]
            self._publisher.publish(records, [receipt(topic, number, fence.next_offset, fence.sequence)], metadata)
        partition.next_deadline = self._after_publishing(partition.key, fence)
        # An epoch that the broker does not know is kept from the client: it would take it for a loss, again and again.
        leader_epoch = None if epoch_end is None else fence.leader_epoch
        self._source.start_at(partition.key, fence.next_offset, leader_epoch)
        partition.recovered(fence.epoch, fence.next_offset, fence.sequence)
        self._on_recovered(partition.key, len(rows))
        log.info(
            "partition_recovered", topic=topic, partition=number, epoch=fence.epoch,
            next_offset=fence.next_offset, journal_rows=len(rows), released=fence.released,
        )  # fmt: skip

    def _fence(self, key: PartitionKey, until: float) -> Fence:
        with self._database.transaction() as connection:
            fence = positions.fence(connection, *key, self._publisher.transactional_id)
        if fence is not None:
            return fence
        topic_id, start = self._topic_id(key[0]), self._first_start(key, until)
        if self._outputs.unknown:
            raise new_database.halt(key, self._database.address, self._outputs.unknown)
        with self._database.transaction() as connection:
            positions.create(connection, *key, topic_id, start)
            fence = positions.fence(connection, *key, self._publisher.transactional_id)
        assert fence is not None
        return fence

    def _first_start(self, key: PartitionKey, until: float) -> int:
        """Where a partition without a row starts: at the log's beginning, if the group never committed."""
        committed = self._committed(key, until)
        low, _high = self._source.watermarks(key)
        if committed.offset is not None and published_sequence(committed):
            raise PartitionHalted(
                *key, Cause.DATABASE_BEHIND,
                known=f"Kafka says offsets below {committed.offset:,} are published; the database knows nothing of "
                "this partition (a new or restored database?)",
                safe="nothing was published twice; the raw events are in the log",
            )  # fmt: skip
        return low

    def _stable_until(self) -> float:
        return self._time.monotonic() + self._stable_bound_s

    def _ask(self, key: PartitionKey, until: float, least_s: float = _LEAST_BOUND_S) -> Committed:
        """The stable committed offset. Raises OffsetUnstable.

        All partitions of a recovery share the bound `until`, but each is given `least_s`.
        """
        self._on_asking()
        now = self._time.monotonic
        return self._source.committed(key, max(until - now(), least_s), now)

    def _committed(self, key: PartitionKey, until: float) -> Committed:
        try:
            return self._ask(key, until)
        except OffsetUnstable as error:
            raise PartitionHalted(
                *key, Cause.OFFSET_UNSTABLE,
                known="a transaction that wrote it is neither committed nor aborted after "
                f"{self._stable_bound_s:.0f} s "
                "(a broker killed while it committed can leave one: torn transaction)",
                safe="nothing was published twice; decided events are in the journal",
            ) from error  # fmt: skip

    def _after_publishing(self, key: PartitionKey, fence: Fence) -> int | None:
        """Note that all rows are published; gives the first deadline of the partition's parked events."""
        with self._database.transaction() as connection:
            positions.note_published(connection, [(*key, fence.epoch, fence.sequence)])
            row = connection.execute(statements.NEXT_DEADLINE, (0, *key)).fetchone()
        return row[0] if row else None


def _behind(key: PartitionKey, published: int, decided: int) -> PartitionHalted:
    return PartitionHalted(
        *key, Cause.DATABASE_BEHIND,
        known=f"Kafka says journal row {published:,} of {key[0]}/{key[1]} is published, the database knows row "
        f"{decided:,}: it was restored from a backup? What it knows of orders and guests is old for every partition",
        safe="nothing was published twice; `ordergate recover` without a name looks at all partitions",
    )  # fmt: skip


@contextmanager
def _halting(partition: OwnedPartition) -> Iterator[None]:
    """Stops one partition, with its explanation, and lets the others go on."""
    try:
        yield
    except PartitionHalted as halt:
        partition.stop(halt)
        log.error(
            "partition_halted", topic=halt.topic, partition=halt.partition, cause=halt.cause,
            known=halt.known, safe=halt.safe, do=halt.do,
        )  # fmt: skip


def _expected(key: PartitionKey, fence: Fence) -> Advance:
    return Advance(*key, fence.epoch, fence.next_offset, fence.next_offset, fence.sequence)
