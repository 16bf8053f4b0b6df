"""Gathering the evidence: asks Kafka and the database, changes nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumers.catalogue import chosen
from consumers.kafka_source import Committed, PartitionKey
from ingest.cli.cluster import Cluster
from ingest.database import journal, output_ends
from ingest.database.connection import Connection, Database
from ingest.database.output_ends import OutputEnd
from ingest.database.positions import Fence
from ingest.epoch_ends import epoch_ends
from ingest.errors import BrokerAway
from ingest.kafka_admin import KafkaAdmin
from ingest.kafka_client import TIMEOUT_S, quiet, why
from ingest.repair.broker_state import BrokerState
from ingest.repair.decisions import decided_at, last_decided, last_read, newest_unknown
from ingest.repair.evidence import EventOutputs, Evidence, Resumption, UnknownDecisions
from ingest.repair.hanging import HangingTransactions
from ingest.repair.journal_gap import missing_between
from ingest.repair.lost_outputs import MissingRecords, missing_of, newest_versions
from ingest.repair.outputs import Isolation, OutputLog, OutputsTooShort, kept_since_ms
from ingest.repair.torn import HangingTransaction
from ingest.repair.trail import records_of, trace
from ingest.settings import Settings
from ingest.state import Carrier
from ingest.worker.output_watch import Shortened, shortened
from ingest.worker.receipt import published_sequence
from producers.topics import CHANGES, ORDERS, OUTPUT_TOPICS

_POSITION = """
SELECT epoch, next_offset, sequence, topic_id, owner, released, published_sequence, leader_epoch FROM positions
WHERE topic = %s AND partition = %s
"""
_CAUSED = """
SELECT raw_offset, outputs, extract(epoch FROM recorded_at)::float8 FROM outcomes
WHERE topic = %s AND partition = %s AND raw_offset >= %s AND raw_offset < %s AND outputs > 0 ORDER BY raw_offset
"""
_JOURNAL_REACHES = """
SELECT coalesce(extract(epoch FROM min(recorded_at)), 0)::float8, extract(epoch FROM now())::float8 FROM journal
"""
_ROWS_SINCE = """
SELECT topic, partition, j.sequence, p.published_sequence, extract(epoch FROM recorded_at)::float8
FROM journal AS j JOIN positions AS p USING (topic, partition)
WHERE recorded_at >= to_timestamp(%s) ORDER BY recorded_at, topic, partition, j.sequence
"""
_LOOK_BACK = 1200.0
_NOT_YET = frozenset({KafkaError._TIMED_OUT, KafkaError._TIMED_OUT_QUEUE, KafkaError._TRANSPORT})
_POLL_S = 2.0


class Looker:
    """Asks about partitions; closed at the end of `with`. Raises OrdergateErrors when somebody does not answer."""

    def __init__(self, given: Settings, database: Database) -> None:
        self._given = given
        self._database = database
        self._servers = given.kafka_bootstrap_servers
        self._complaints: list[KafkaError] = []
        self._admin = KafkaAdmin(self._servers)
        self._cluster = Cluster(self._servers, given.group_id)
        # It never joins: it asks for stable offsets, which wait for the end of a transaction under way.
        self.consumer = Consumer(
            {
                **quiet(self._servers, self._complaints),
                "group.id": given.group_id,
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.consumer.close()
        self._cluster.__exit__(kind, error, trace)
        self._admin.close()

    def partitions(self) -> list[PartitionKey]:
        """Every partition of the raw topics."""
        names = [channel.topic for channel in chosen(self._given.channels)]
        topics = self._admin.existing(names)
        return [(name, number) for name in names if name in topics for number in range(topics[name].partitions)]

    def group_members(self) -> int:
        """How many workers are in the group."""
        return self._admin.group_members(self._given.group_id)

    def evidence(self, key: PartitionKey) -> Evidence:
        """One partition as it is now. Raises TopicsMissing when its topic is gone."""
        noted = self._position(key)
        # Asked in this order, a worker at work never seems to contradict itself: what it noted as published
        # before is in Kafka, and what is in Kafka it has decided.
        committed = self._stable(key)
        bounds = self._cluster.bounds([key])[key]
        with self._database.transaction() as connection:
            position = self._position_row(connection, key)
            if position is not None and noted is not None:
                position = replace(position, published_sequence=noted.published_sequence)
            published = position.published_sequence if position else 0
            rows = tuple(journal.after(connection, *key, published))
        if position is not None and position.leader_epoch is not None:
            ends = epoch_ends(self._servers, {key: position.leader_epoch})
            bounds = replace(bounds, epoch_end=ends.get(key))
        return Evidence(*key, self._admin.topic_id(key[0]), bounds, committed, position, rows)

    def with_traces(self, evidence: Evidence) -> Evidence:
        """The same, with what the output topics show of its rows."""
        if not evidence.rows:
            return evidence
        found = self.outputs(Isolation.COMMITTED).places(
            decided_at(self._database, evidence.rows[0]), records_of(evidence.rows)
        )
        if found is None:
            return evidence
        seen = {record for record, _ in found}
        return replace(evidence, traces=tuple(trace(row, seen) for row in evidence.rows))

    def with_unknown_decisions(self, evidence: Evidence) -> Evidence:
        """The same, with what the outputs tell of decisions that the database does not know."""
        key = (evidence.topic, evidence.partition)
        with self._database.transaction() as connection:
            since = last_decided(connection, key)
        caused, complete = self.outputs(Isolation.COMMITTED).caused_by(key, since)
        # Asked afterwards: a worker at work decides before it publishes.
        with self._database.transaction() as connection:
            newest = newest_unknown(connection, key, caused)
        return replace(evidence, unknown=UnknownDecisions(newest, complete))

    def with_resumption(self, evidence: Evidence) -> Evidence:
        """The same, with where the events begin that came after the last decision."""
        key = (evidence.topic, evidence.partition)
        with self._database.transaction() as connection:
            decided_s = last_read(connection, key)
        offset = -1
        if decided_s is not None:
            later = TopicPartition(*key, int(decided_s * 1000) + 1)
            try:
                (found,) = self.consumer.offsets_for_times([later], timeout=TIMEOUT_S)
            except KafkaException as error:
                raise BrokerAway(self._servers, why(self.consumer, self._complaints, error)) from error
            offset = found.offset
        # The end as it was before the question: what came since is younger.
        return replace(evidence, resumption=Resumption(offset if offset >= 0 else evidence.bounds.high, decided_s))

    def with_unjournalled(self, evidence: Evidence) -> Evidence:
        """The same, with what is visible of events whose rows the journal lacks."""
        position, committed = evidence.position, evidence.committed
        assert position is not None and committed is not None and committed.offset is not None
        receipt = (committed.offset, published_sequence(committed) or 0)
        missing = missing_between(evidence.rows, receipt, (position.next_offset, position.sequence))
        caused: dict[int, int] = {}
        since = None
        with self._database.transaction() as connection:
            for offsets in missing:
                key = (evidence.topic, evidence.partition, offsets.start, offsets.stop)
                for offset, outputs, at in connection.execute(_CAUSED, key):
                    caused[offset] = outputs
                    since = at if since is None else min(since, at)
        if since is None:
            return replace(evidence, unjournalled=())
        visible: Counter[int] = Counter()
        orders: Counter[int] = Counter()
        changes: Counter[int] = Counter()
        try:
            for one in self.outputs(Isolation.COMMITTED).published_since(since):
                if one.cause.partition == (evidence.topic, evidence.partition):
                    visible[one.cause.offset] += 1
                    orders[one.cause.offset] += one.record[0] == ORDERS.name
                    changes[one.cause.offset] += one.record[0] == CHANGES.name
        except OutputsTooShort:
            return evidence
        # An order's older version may be compacted away; the change that came with it is not.
        visible += changes - orders
        found = (EventOutputs(offset, outputs, visible[offset]) for offset, outputs in sorted(caused.items()))
        return replace(evidence, unjournalled=tuple(found))

    def output_ends(self) -> list[OutputEnd]:
        """How far the output logs reach."""
        return self._admin.ends([topic.name for topic in OUTPUT_TOPICS])

    def lost_outputs(self) -> list[Shortened]:
        """Output logs that reached further when a worker last looked at them."""
        with self._database.transaction() as connection:
            before = output_ends.read(connection)
        return shortened(before, self.output_ends()) if before else []

    def missing_outputs(self) -> list[MissingRecords]:
        """What the output topics lack of published journal rows, in the order in which they were decided.

        Looks back further and further, until the older half of what was looked at lacks nothing.
        """
        receipts = {
            key: published_sequence(committed) or 0
            for key, committed in self._cluster.committed(self.partitions()).items()
        }
        back = _LOOK_BACK
        while True:
            with self._database.transaction() as connection:
                ((oldest, now),) = connection.execute(_JOURNAL_REACHES).fetchall()
                since = max(now - back, oldest)
                published = [
                    (topic, partition, sequence, at)
                    for topic, partition, sequence, noted, at in connection.execute(_ROWS_SINCE, (since,))
                    if sequence <= max(noted, receipts.get((topic, partition), 0))
                ]
            seen = (
                {one.record for one in self.outputs(Isolation.COMMITTED).published_since(since)} if published else set()
            )
            newest = newest_versions(seen)
            found = []
            with self._database.transaction() as connection:
                for *number, at in published:
                    # One at a time: a row has up to 64 MiB.
                    row = journal.one(connection, *number)
                    if row is not None and (missing := missing_of(row, seen, newest)) is not None:
                        found.append((missing, at))
            if since == oldest or all(at > now - back / 2 for _, at in found):
                return [missing for missing, _ in found]
            back *= 2

    def hanging(self) -> list[HangingTransaction]:
        """Transactions of ours that stay open."""
        with BrokerState(self._servers) as brokers:
            return HangingTransactions(
                self._given.group_id, brokers, self.outputs(Isolation.ALL), self._database, self._cluster.committed,
                self._ends,
            ).find()  # fmt: skip

    def is_published(self, carrier: Carrier) -> bool:
        """Whether a journal row is published, by the receipt of its partition."""
        key = (carrier.topic, carrier.partition)
        committed = self._stable(key)
        return committed is not None and (published_sequence(committed) or 0) >= carrier.sequence

    def topic_id(self, topic: str) -> str:
        """Kafka's id of a topic."""
        return self._admin.topic_id(topic)

    def outputs(self, isolation: Isolation) -> OutputLog:
        """The output topics, to their ends as they are when it is asked."""
        return OutputLog(self._servers, self._given.group_id, isolation, self._ends, self._kept_since)

    def _kept_since(self, topic: str) -> int | None:
        try:
            settings = self._admin.topic_settings(topic)
        except BrokerAway:
            return None  # whoever may not read settings does without what they prove
        return kept_since_ms(settings, time.time_ns() // 1_000_000)

    def _ends(self, partitions: Iterable[PartitionKey]) -> dict[PartitionKey, int]:
        return {key: bounds.high for key, bounds in self._cluster.bounds(partitions).items()}

    def _position(self, key: PartitionKey) -> Fence | None:
        with self._database.transaction() as connection:
            return self._position_row(connection, key)

    def _position_row(self, connection: Connection, key: PartitionKey) -> Fence | None:
        row = connection.execute(_POSITION, key).fetchone()
        return Fence(*row) if row else None

    def _stable(self, key: PartitionKey) -> Committed | None:
        """The stable committed offset; None when it does not become stable within the time a worker waits for it."""
        until = time.monotonic() + self._given.stable_offset_deadline_s
        while True:
            try:
                (answer,) = self.consumer.committed([TopicPartition(*key)], timeout=_POLL_S)
            except KafkaException as error:
                code = error.args[0]
                if code.code() not in _NOT_YET and not code.retriable():
                    raise BrokerAway(self._servers, why(self.consumer, self._complaints, error)) from error
                if time.monotonic() > until:
                    # Somebody else's question tells a broker that is away from an offset that is not stable.
                    self._cluster.committed([key])
                    return None
                continue
            if answer.error is not None:
                raise BrokerAway(self._servers, answer.error.str())
            return Committed(answer.offset if answer.offset >= 0 else None, answer.metadata or None)
