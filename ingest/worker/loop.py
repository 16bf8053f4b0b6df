"""The worker: one loop that owns consumer, producer and database, and does one thing at a time.

Read a batch, decide and commit it in PostgreSQL, publish it in one Kafka transaction, read the next. Its records are
sent while PostgreSQL writes, and the Kafka transaction is committed after PostgreSQL's. After anything but a clean
success every owned partition goes through recovery before anything more is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

import structlog

from consumers.kafka_consumer import is_joined_member
from consumers.kafka_source import BrokerSilent, KafkaSource
from ingest.clock import TimeSource
from ingest.database.connection import Database, DatabaseLost, DatabaseUnfit, PartitionsMissing, TryAgain
from ingest.database.positions import Fenced, note_published
from ingest.database.retention import Retention
from ingest.understanding import Understood
from ingest.worker.batch import BatchProcessor, Committed, OutOfOrder
from ingest.worker.client_watch import ClientWatch
from ingest.worker.fetch_watch import FetchWatch
from ingest.worker.garbage import GarbageCollection
from ingest.worker.hand_over import HandOvers
from ingest.worker.observer import Observer
from ingest.worker.overdue import read_overdue
from ingest.worker.ownership import Ownership
from ingest.worker.partition import Phase
from ingest.worker.phases import Phases
from ingest.worker.published import PublishedRows
from ingest.worker.reader_watch import ReaderWatch
from ingest.worker.reading import Reading
from ingest.worker.recovery import Recovery
from producers.publisher import Doubt, GroupFenced, TransactionalPublisher

log = structlog.get_logger()

_PAUSED_POLL_S = 0.2
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0


class Worker:
    """Runs until `stop` is called. Everything it touches is an argument."""

    def __init__(
        self,
        source: KafkaSource,
        ownership: Ownership,
        reading: Reading,
        database: Database,
        publisher: TransactionalPublisher,
        processor: BatchProcessor,
        recovery: Recovery,
        published: PublishedRows,
        retention: Retention,
        readers: ReaderWatch,
        client: ClientWatch,
        fetching: FetchWatch,
        observer: Observer,
        phases: Phases,
        time: TimeSource,
        garbage: GarbageCollection,
    ) -> None:
        self._source = source
        self._ownership = ownership
        self._reading = reading
        self._database = database
        self._publisher = publisher
        self._processor = processor
        self._recovery = recovery
        self._published = published
        self._hand_overs = HandOvers(source, database, published, time.monotonic)
        self._retention = retention
        self._readers = readers
        self._client = client
        self._fetching = fetching
        self._observer = observer
        self._phases = phases
        self._time = time
        self._garbage = garbage
        self._setbacks = 0
        self._stopping = False

    def stop(self) -> None:
        """Ask the loop to end after the batch under way. Safe to call from a signal handler."""
        self._stopping = True

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Work until stopped, or until `until` says so between two batches; then let everything go."""
        self._garbage.start()
        try:
            while not self._stopping and not until():
                self.step()
                self._garbage.turn()
        finally:
            self._garbage.stop()
            with ExitStack() as closing:
                closing.callback(self._database.close)
                closing.callback(self._publisher.close)
                closing.callback(self._source.close)

    def step(self) -> None:
        """One turn of the loop; comes back after at most a poll, a batch or a recovery."""
        self._observer.tick(self._ownership)
        self._publisher.serve()
        try:
            self._keep_tables()
            if self._client.look_now_and_then():
                self._observer.consumer_recycled()
            if self._recovery.outputs_lost():
                self._ownership.doubt()
            self._look_after_readers()
            self._look_after_fetching()
            self._recover()
            self._look_for_hand_overs()
            self._phases.lap("other")
            batch, group_metadata = self._reading.next_batch()
            self._phases.lap("read")
            if batch:
                self._process(batch, group_metadata)
            else:
                self._observer.idle(self._ownership, self._source)
            self._end_waiting(group_metadata)
        except (DatabaseLost, DatabaseUnfit) as error:
            self._wait_for_database(error)
        except (GroupFenced, Doubt, Fenced, BrokerSilent, OutOfOrder, TryAgain, PartitionsMissing) as error:
            log.warning("in_doubt", reason=type(error).__name__, detail=str(error))
            if isinstance(error, PartitionsMissing):
                self._retention.due_now()
            self._ownership.doubt()
            self._pause_for(self._setback())

    def _keep_tables(self) -> None:
        if self._retention.keep_up(self._database):
            self._observer.database_answered()
            published = [(*p.key, p.epoch, p.published_sequence) for p in self._ownership if p.phase is Phase.RUNNING]
            with self._database.transaction() as connection:
                note_published(connection, published)

    def _look_after_readers(self) -> None:
        with suppress(BrokerSilent):  # what the worker itself needs of the broker tells that better
            waiting = self._readers.look_now_and_then()
            if waiting is not None:
                self._observer.readers_wait(waiting)

    def _look_after_fetching(self) -> None:
        with suppress(BrokerSilent):
            for key in self._fetching.look_now_and_then():
                self._observer.read_anew(key)

    def _recover(self) -> None:
        pending = [p for p in self._ownership if p.phase is Phase.RECOVERING]
        if not pending:
            return
        self._source.pause([p.key for p in pending])
        self._recovery.recover(pending)
        for partition in pending:
            if partition.phase is Phase.RUNNING:
                self._published.learn(partition.key, partition.published_sequence)

    def _process(self, batch: Sequence[Understood], group_metadata: object) -> None:
        for committed in self._processor.commit(self._ownership.partitions, batch):
            self._observer.committed(committed)
            self._phases.lap("other")
            self._publish(committed, group_metadata)
            self._reading.hold(committed, self._published.covers)
        self._setbacks = 0
        self._observer.batch([one.event for one in batch], self._ownership)

    def _publish(self, committed: Committed, group_metadata: object) -> None:
        """Publish what one PostgreSQL transaction committed; in doubt, recovery finds it in the journal."""
        if not committed.receipts:
            return
        if not is_joined_member(group_metadata):
            self._publisher.abort()
            raise BrokerSilent("no longer a member of the group")
        self._publisher.commit(committed.receipts, group_metadata)
        self._phases.lap("kafka")
        for receipt in committed.receipts:
            partition = self._ownership.partitions[receipt.topic, receipt.partition]
            partition.published_sequence = partition.sequence
            self._published.learn(partition.key, partition.sequence)

    def _look_for_hand_overs(self) -> None:
        """See whether what held events wait for has been published. Other partitions go on meanwhile."""
        for partition in list(self._ownership):
            if partition.waits_for is not None and self._hand_overs.is_published(partition.waits_for):
                partition.waits_for = None

    def _end_waiting(self, group_metadata: object) -> None:
        """Decide on parked events whose time is over, of partitions that have nothing else under way."""
        now = self._time.now()
        for partition in list(self._ownership):
            due = partition.next_deadline is not None and partition.next_deadline <= now
            if not due or partition.phase is not Phase.RUNNING or partition.held:
                continue
            overdue, partition.next_deadline, parked = read_overdue(self._database, partition.key, now)
            self._observer.parked(partition.key, parked)
            if overdue:
                for committed in self._processor.end_waiting(partition, overdue):
                    self._observer.committed(committed)
                    self._publish(committed, group_metadata)
                    for carrier in committed.still_parked:
                        self._hand_overs.is_published(carrier)  # known when they are looked at again

    def _wait_for_database(self, error: DatabaseLost | DatabaseUnfit) -> None:
        """Pause and keep polling, so that the group does not take the partitions away, until it serves again."""
        log.warning("database_away", address=self._database.address, detail=str(error))
        self._observer.database_away()
        self._ownership.doubt()
        while not self._stopping:
            self._pause_for(self._setback())
            try:
                with self._database.transaction() as connection:
                    connection.execute("SELECT 1")
            except (DatabaseLost, DatabaseUnfit):
                continue
            log.info("database_back", address=self._database.address)
            return

    def _setback(self) -> float:
        """Seconds to wait after one more failure in a row: longer each time, up to a bound."""
        self._setbacks += 1
        return min(_FIRST_PAUSE_S * (1 << min(self._setbacks - 1, 16)), _LONGEST_PAUSE_S)

    def _pause_for(self, seconds: float) -> None:
        """Read nothing for a while; the group sees a living member, and `stop` is heard."""
        until = self._time.monotonic() + seconds
        while not self._stopping and (left := until - self._time.monotonic()) > 0:
            self._observer.tick(self._ownership)
            self._publisher.serve()
            try:
                self._reading.keep_alive(min(left, _PAUSED_POLL_S))
            except BrokerSilent:
                self._time.sleep(min(left, _PAUSED_POLL_S))
