"""Every safety rule, and how it is taken out: exactly that rule, everything else unchanged.

A rule that is taken out has to be found out by some schedule. `test_rules.py` says so for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from confluent_kafka import KafkaException

from consumers.kafka_source import BrokerSilent, KafkaSource
from ingest import assembly
from ingest.database import journal, positions
from ingest.database import statements as sql
from ingest.database.connection import Connection
from ingest.database.journal import JournalRow
from ingest.database.positions import Advance, Fence, Fenced
from ingest.database.unit_of_work import UnitOfWork
from ingest.errors import Cause, PartitionHalted
from ingest.raw_event import RawEvent
from ingest.state import BatchState, Carrier
from ingest.worker import recovery
from ingest.worker.batch import BatchProcessor, Committed
from ingest.worker.client_watch import ClientWatch
from ingest.worker.fetch_watch import FetchWatch
from ingest.worker.loop import Worker
from ingest.worker.ownership import Ownership
from ingest.worker.partition import OwnedPartition
from ingest.worker.published import PublishedRows
from ingest.worker.receipt import receipt
from ingest.worker.recovery import Recovery
from producers import publisher
from producers.journal_records import pack
from producers.publisher import TransactionalPublisher
from producers.records import OutputRecord

Patches = list[Any]


def process_of(connection: Any) -> Any:
    """The simulated process that a connection belongs to."""
    return connection._process


@dataclass(frozen=True, slots=True)
class Rule:
    """A safety rule, the climate in which its lack shows, and its removal."""

    name: str
    promise: str
    climate: str
    without: Callable[[], Patches]

    @contextmanager
    def taken_out(self) -> Iterator[None]:
        """The rule is not kept inside this block."""
        patches = self.without()
        for one in patches:
            one.start()
        try:
            yield
        finally:
            for one in reversed(patches):
                one.stop()


RULES: dict[str, Rule] = {}


def _rule(climate: str, promise: str) -> Callable[[Callable[[], Patches]], Callable[[], Patches]]:
    def register(without: Callable[[], Patches]) -> Callable[[], Patches]:
        name = without.__name__.replace("_", " ")
        RULES[name] = Rule(name, promise, climate, without)
        return without

    return register


def _statement_without(*conditions: str) -> Patches:
    """The position's compare-and-set, less some of what it compares."""
    text = sql.ADVANCE_POSITIONS
    for condition in conditions:
        assert condition in text
        text = text.replace(condition, "")

    def same(found: tuple[int, int, int], step: Advance) -> bool:
        wanted = (step.epoch, step.base_offset, step.sequence)
        names = ("p.epoch", "p.next_offset", "p.sequence")
        removed = " ".join(conditions)
        return all(have == want or name in removed for have, want, name in zip(found, wanted, names, strict=True))

    def lock(connection: Connection, expected: Sequence[Advance]) -> None:
        keys = [list(column) for column in zip(*[(s.topic, s.partition) for s in expected], strict=True)]
        rows = {(t, p): values for t, p, *values in connection.execute(sql.LOCK_POSITIONS, keys)}
        for step in expected:
            found = rows.get((step.topic, step.partition))
            if found is None or not same(tuple(found), step):
                raise Fenced(f"{step.topic}/{step.partition}")

    return [patch.object(sql, "ADVANCE_POSITIONS", text), patch.object(positions, "lock", lock)]


@_rule("pooled", "A batch is decided on the position that its events were read from")
def compare_and_set_of_the_position() -> Patches:
    return _statement_without("AND p.next_offset = u.base_offset", "AND p.sequence = u.sequence")


@_rule("frozen", "Whoever has been overtaken decides nothing any more")
def epoch_of_the_position() -> Patches:
    return _statement_without("AND p.epoch = u.epoch")


@_rule("frozen", "Neither: no fence at all")
def epoch_and_compare_and_set() -> Patches:
    return _statement_without(
        "AND p.epoch = u.epoch", "AND p.next_offset = u.base_offset", "AND p.sequence = u.sequence"
    )


@_rule("mixed", "The committed offset that decides on a replay is a stable one")
def stable_committed_offset() -> Patches:
    original = assembly.consumer_config

    def config(*arguments: Any) -> dict[str, Any]:
        return {**original(*arguments), "isolation.level": "read_uncommitted"}

    return [patch.object(assembly, "consumer_config", config)]


@_rule("mixed", "A producer that may have something under way is replaced before anything more is sent")
def producer_recycled_after_doubt() -> Patches:
    def after_failure(self: TransactionalPublisher, producer: Any, error: Exception) -> None:
        """Tries again what may be tried again, and keeps the producer."""
        try:
            if error.args and isinstance(error, KafkaException) and error.args[0].retriable():
                producer.commit_transaction(self._call_timeout_s)
            else:
                producer.abort_transaction(self._call_timeout_s)
        except KafkaException:
            self.close()
        raise publisher.Doubt("transaction") from error

    return [patch.object(TransactionalPublisher, "_after_failure", after_failure)]


@_rule("retried", "A request that the client may have sent twice in silence is taken for a doubt, too")
def producer_recycled_after_a_hidden_retry() -> Patches:
    def examine(self: TransactionalPublisher, _producer: Any) -> None:
        self._unexamined_since = None

    return [patch.object(TransactionalPublisher, "_examine", examine)]


@_rule("retried", "Only counters reported after a slow call tell that nothing was sent twice")
def counters_newer_than_the_call() -> Patches:
    @contextmanager
    def timing(self: TransactionalPublisher, _producer: Any) -> Iterator[None]:
        started = self._monotonic()
        yield
        if self._monotonic() - started >= self._slow_s:
            self._unexamined_since = self._monotonic()

    return [patch.object(TransactionalPublisher, "_timing", timing)]


@_rule("retried", "A receipt that was sent twice may not overwrite a later one")
def sending_of_offsets_is_examined() -> Patches:
    def counted(self: TransactionalPublisher) -> dict[str, int] | None:
        found = original(self)
        return found and found | {"TxnOffsetCommit": self._sent["TxnOffsetCommit"]}

    original = TransactionalPublisher._counted
    return [patch.object(TransactionalPublisher, "_counted", counted)]


@_rule("fair", "An order last changed from another partition waits until that change is published")
def hand_over() -> Patches:
    return [patch.object(PublishedRows, "covers", lambda _self, _carrier: True)]


@_rule("mixed", "What is published is in the database first")
def journal_before_publishing() -> Patches:
    """Publishes inside the database's transaction, just before it is committed."""
    append, advance = journal.append, positions.advance
    pending: dict[int, list[JournalRow]] = {}

    def keep(connection: Connection, rows: Any) -> None:
        pending[id(connection)] = list(rows)
        append(connection, rows)

    def publish_now(connection: Connection, steps: Any) -> None:
        advance(connection, steps)
        worker = process_of(connection).worker
        rows = pending.pop(id(connection))
        receipts = [receipt(row.topic, row.partition, row.next_offset, row.sequence) for row in rows]
        worker._publisher.commit(receipts, worker._source.group_metadata())

    def already(self: Worker, committed: Any, _metadata: object) -> None:
        for one in committed.receipts:
            partition = self._ownership.partitions[one.topic, one.partition]
            partition.published_sequence = partition.sequence
            self._published.learn(partition.key, partition.sequence)

    return [
        patch.object(journal, "append", keep),
        patch.object(positions, "advance", publish_now),
        patch.object(Worker, "_publish", already),
    ]


@_rule("mixed", "What was sent for a decision that the database did not keep is taken back")
def sent_ahead_is_taken_back() -> Patches:
    """Leaves it in the transaction that is under way, and goes on there."""
    begin = TransactionalPublisher.begin

    def goes_on(self: TransactionalPublisher, records: Sequence[OutputRecord]) -> None:
        if self._producer is None or self._under_way is None:
            begin(self, records)
            return
        self._under_way += len(records)
        for topic, key, value, headers in records:
            self._producer.produce(topic, value, key, headers=headers)

    return [
        patch.object(TransactionalPublisher, "abort", lambda _self: None),
        patch.object(TransactionalPublisher, "begin", goes_on),
    ]


@_rule("mixed", "Receipts are written in the transaction of the output they are for")
def receipts_with_the_output() -> Patches:
    commit = TransactionalPublisher.commit

    def apart(self: TransactionalPublisher, offsets: Any, metadata: object) -> None:
        commit(self, [], metadata)
        self.begin([])
        commit(self, offsets, metadata)

    return [patch.object(TransactionalPublisher, "commit", apart)]


@_rule("mixed", "After a doubt nothing goes on before recovery has compared both sides")
def recovery_after_doubt() -> Patches:
    return [patch.object(OwnedPartition, "doubt", lambda _self: None)]


@_rule("killed", "What a dead owner left open is ended at once, not after its time-out")
def take_over_of_an_open_transaction() -> Patches:
    return [patch.object(Recovery, "_end_open_transactions", lambda _self, _fences: None)]


@_rule("mixed", "A partition whose records the client does not give is fetched anew")
def fetching_is_watched() -> Patches:
    return [patch.object(FetchWatch, "look_now_and_then", lambda _self: [])]


@_rule("fenced", "A consumer that no longer finds the brokers is replaced")
def client_is_watched() -> Patches:
    return [patch.object(ClientWatch, "look_now_and_then", lambda _self: False)]


@_rule("frozen", "What belongs to a partition that is no longer this worker's is dropped")
def lost_partitions_are_dropped() -> Patches:
    """Keeps what it has of a partition that it has lost, in the belief that it still owns it."""

    def forgiving(method: Any) -> Any:
        def call(self: KafkaSource, *arguments: Any) -> None:
            with suppress(BrokerSilent):  # the client refuses to pause or seek what it does not have
                method(self, *arguments)

        return call

    methods = ("pause", "resume", "start_at")
    return [
        *(patch.object(KafkaSource, name, forgiving(getattr(KafkaSource, name))) for name in methods),
        patch.object(Ownership, "lost", lambda _self, _partitions: None),
    ]


@_rule("mixed", "What is replayed are the bytes of the journal, not a second decision")
def replay_of_the_journals_bytes() -> Patches:
    """Decides once more on the events of the rows that are to be replayed, against what the database knows now."""
    after = journal.after

    def decided_again(connection: Connection, topic: str, partition: int, sequence: int) -> list[JournalRow]:
        process = process_of(connection)
        processor, log = process.worker._processor, process.deployment.broker.log((topic, partition))
        rows = []
        for row in after(connection, topic, partition, sequence):
            read = [e for e in log.entries if row.base_offset <= e.offset < row.next_offset and e.record is not None]
            understood = processor.understand(
                [RawEvent(topic, partition, e.offset, *e.record, 1) for e in read]  # type: ignore[misc]  # a record, not a marker: filtered above
            )
            state, carrier = BatchState(), Carrier(topic, partition, row.sequence)
            processor._read(UnitOfWork(connection, timedelta(days=7)), state, understood)
            decided = [processor._pipeline.decide(one, state, carrier, 0) for one in understood]
            drafts = [draft for several in decided for _, drafts in several for draft in drafts]
            rows.append(row._replace(records=pack(processor._pipeline.encode(drafts, state))))
        return rows

    return [patch.object(journal, "after", decided_again)]


def _check_without(*causes: Cause) -> Patches:
    """The comparison of database and Kafka, blind for some of what it may find."""
    original = recovery.check

    def check(topic: str, partition: int, fence: Fence, *arguments: Any) -> int:
        try:
            return original(topic, partition, fence, *arguments)
        except PartitionHalted as halt:
            if halt.cause not in causes:
                raise
            return fence.sequence

    def no_rows(*_arguments: Any) -> None: ...

    return [patch.object(recovery, "check", check), patch.object(recovery, "check_rows", no_rows)]


@_rule("fail-over", "A database that is behind Kafka decides nothing more")
def database_behind_kafka_halts() -> Patches:
    compares_others = patch.object(recovery.Recovery, "_database_behind", lambda *_: None)
    return [*_check_without(Cause.DATABASE_BEHIND), compares_others]


@_rule("recreated", "Offsets of a topic that was made again are not taken for those of the old one")
def topic_id() -> Patches:
    def check(topic: str, partition: int, fence: Fence, _topic_id: str, *arguments: Any) -> int:
        return original(topic, partition, fence, fence.topic_id, *arguments)

    original = recovery.check
    return [patch.object(recovery, "check", check)]


@_rule("shortened", "A log that lost its end and has grown again is not taken for the one that was read")
def leader_epoch() -> Patches:
    """Nothing is remembered of the leader that wrote what was read."""
    original = positions.fence

    def fence(*arguments: Any) -> Fence | None:
        found = original(*arguments)
        return found and replace(found, leader_epoch=None)

    return [patch.object(positions, "fence", fence)]


@_rule("meddled", "An offset that is not Ordergate's receipt is no answer to what is published")
def receipts_of_others_halt() -> Patches:
    return _check_without(Cause.OFFSET_MOVED, Cause.OFFSET_GONE)


@_rule("frozen", "Metadata of the group is bound to the batch that it was read with")
def metadata_bound_to_the_batch() -> Patches:
    """Publishes with the metadata of the moment, in a worker that polls between deciding and publishing."""
    return polling_before_publishing(lambda worker, _metadata: worker._source.group_metadata())


def take_over_alone() -> Patches:
    """What `metadata_bound_to_the_batch` does besides: by itself it only costs time, never a promise."""
    return polling_before_publishing(lambda _worker, metadata: metadata)


def polling_before_publishing(metadata_for: Callable[[Worker, object], object]) -> Patches:
    """A worker that polls between deciding and publishing, and does not end what dead owners left open.

    The real worker does not poll there, and whoever takes a partition over ends its owner's transaction: each of the
    two alone makes metadata of the moment harmless. With both gone, the metadata decides: `metadata_for` gives it.
    """

    def polled(self: Worker, committed: Any, metadata: object) -> None:
        if not committed.receipts:
            return
        self._source.keep_alive(2.0)
        self._publisher.commit(committed.receipts, metadata_for(self, metadata))
        mine = self._ownership.partitions
        committed.waiting = {key: carrier for key, carrier in committed.waiting.items() if key in mine}
        committed.left = [one for one in committed.left if one.partition in mine]
        for one in committed.receipts:
            partition = mine.get((one.topic, one.partition))
            if partition is not None:
                partition.published_sequence = partition.sequence
                self._published.learn(partition.key, partition.sequence)

    return [patch.object(Worker, "_publish", polled), *take_over_of_an_open_transaction()]


@_rule("fair", "A due parked event asks for the publishing of what it waits for")
def parked_events_ask() -> Patches:
    end_waiting = BatchProcessor.end_waiting

    def silent(self: BatchProcessor, *arguments: Any) -> Iterator[Committed]:
        for committed in end_waiting(self, *arguments):
            committed.still_parked.clear()
            yield committed

    return [patch.object(BatchProcessor, "end_waiting", silent)]
