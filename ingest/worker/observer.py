"""What the worker tells the outside: one log line and one set of metrics per batch, and its health."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import structlog

from consumers.kafka_source import KafkaSource
from ingest.clock import TimeSource
from ingest.database.output_ends import OutputEnd
from ingest.errors import Cause
from ingest.raw_event import RawEvent
from ingest.state import Carrier
from ingest.telemetry.health import Health
from ingest.telemetry.metrics import Metrics
from ingest.worker.batch import Committed
from ingest.worker.partition import OwnedPartition, PartitionKey, Phase
from ingest.worker.phases import Phases

log = structlog.get_logger()

_LONG_HAND_OVER_S = 10.0


class Observer:
    """Turns what happened into metrics, health and log lines. Called per batch, never per event."""

    def __init__(self, metrics: Metrics, health: Health, phases: Phases, time: TimeSource) -> None:
        self._metrics = metrics
        self._health = health
        self._phases = phases
        self._time = time
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self._outputs = 0
        self._parked: dict[PartitionKey, int] = {}
        self._waiting: frozenset[OutputEnd] = frozenset()
        self._hand_overs: dict[PartitionKey, tuple[Carrier, float]] = {}
        """Partitions that wait for another one, for which row and since when; infinite once that was told."""

    def tick(self, partitions: Iterable[OwnedPartition]) -> None:
        """The loop turned."""
        self._health.tick()
        for partition in partitions:
            self._health.partition(*partition.key, partition.phase)
            if partition.phase is Phase.HALTED:
                self._metrics.halted(*partition.key)
            self._hand_over(partition)

    def _hand_over(self, partition: OwnedPartition) -> None:
        """Events wait until another partition has published: their age is told, and once that it takes long."""
        behind, key, now = partition.waits_for, partition.key, self._time.monotonic()
        if behind is None or not partition.held:
            self._hand_overs.pop(key, None)
            return
        self._metrics.lag(*key, max(self._time.now() / 1e6 - partition.held[0].event.timestamp_ms / 1000, 0.0))
        before, since = self._hand_overs.get(key, (behind, now))
        if before != behind:
            since = now
        if now - since > _LONG_HAND_OVER_S:
            since = math.inf
            log.warning(
                "hand_over_waits", topic=key[0], partition=key[1],
                behind=f"{behind.topic}/{behind.partition} row {behind.sequence}",
                known="an order or guest of its next event was last changed there, and that row is not published yet",
                safe="nothing is lost: its events wait, so that versions stay in order",
                do="`ordergate positions` shows why that partition does not go on; this one then goes on by itself",
            )  # fmt: skip
        self._hand_overs[key] = behind, since

    def idle(self, partitions: Iterable[OwnedPartition], source: KafkaSource) -> None:
        """Nothing was there to read: no lag where the log's end, as last heard, is reached."""
        for partition in partitions:
            if partition.phase is Phase.RUNNING and source.end_seen(partition.key) <= partition.next_offset:
                self._metrics.lag(*partition.key, 0)
        self._phases.take()

    def committed(self, committed: Committed) -> None:
        """One PostgreSQL transaction was committed: what it decided is counted, however it comes to be published."""
        self._health.database_reached()
        self._metrics.outcomes(committed.outcomes)
        self._outcomes += committed.outcomes
        self._outputs += len(committed.records)
        counted: Counter[tuple[str, str, str]] = Counter(
            (channel, finding.rule, finding.action.value) for channel, finding in committed.findings
        )
        for (channel, rule, action), count in counted.items():
            self._metrics.rule_failures(channel, rule, action, count)
        for channel, count in committed.unknown_fields.items():
            self._metrics.unknown_fields(channel, count)

    def batch(self, events: Sequence[RawEvent], partitions: Iterable[OwnedPartition]) -> None:
        """A batch is done."""
        wall, cpu = self._phases.take()
        raw_bytes = sum(len(event.value or b"") for event in events)
        self._metrics.batch(wall, cpu, len(events), raw_bytes)
        newest = {(event.topic, event.partition): event.timestamp_ms for event in events}
        now_ms = self._time.now() // 1000
        lag = 0.0
        for partition in partitions:
            if partition.key in newest:
                age = max(now_ms - newest[partition.key], 0) / 1000
                lag = max(lag, age)
                self._metrics.lag(*partition.key, age)
                self._metrics.journal_depth(*partition.key, partition.sequence - partition.published_sequence)
        counts: Counter[str] = Counter()
        for (_channel, outcome), count in self._outcomes.items():
            counts[outcome] += count
        log.info(
            "batch", events=len(events), bytes=raw_bytes, outcomes=dict(counts), outputs=self._outputs,
            phases_ms={phase: round(seconds * 1000, 1) for phase, seconds in wall.items()}, lag_s=round(lag, 3),
        )  # fmt: skip
        self._outcomes.clear()
        self._outputs = 0

    def readers_wait(self, waiting: Iterable[OutputEnd]) -> None:
        """Readers of these output partitions wait for a transaction that stays open, and of no others."""
        now = frozenset(waiting)
        for one in sorted(now - self._waiting):
            log.error(
                "readers_wait", topic=one.topic, partition=one.partition, cause=Cause.READERS_WAIT,
                known=f"a transaction that begins at offset {one.end:,} is neither committed nor aborted (a broker "
                "killed while it ended one can leave it open: torn transaction)",
                safe="nothing is lost: events are decided and published; readers see what comes behind it afterwards",
                do="`ordergate recover` says how it has to end; stop the workers, and run it with --apply",
            )  # fmt: skip
        for one in sorted(self._waiting - now):
            log.info("readers_go_on", topic=one.topic, partition=one.partition)
        self._waiting = now
        self._metrics.readers_wait((one.topic, one.partition) for one in now)

    def consumer_recycled(self) -> None:
        """The consumer no longer found the brokers, which answered others: another one takes its place."""
        self._metrics.consumer_recycled()
        log.warning("consumer_recycled")

    def read_anew(self, partition: PartitionKey) -> None:
        """The client did not give what the log has; it was told to fetch the partition anew."""
        self._metrics.read_anew()
        log.warning("read_anew", topic=partition[0], partition=partition[1])

    def parked(self, partition: PartitionKey, events: int) -> None:
        """So many events of a partition waited when last looked at."""
        self._parked[partition] = events
        self._metrics.parked(sum(self._parked.values()))

    def recovered(self, partition: PartitionKey, rows: int) -> None:
        """A partition came through recovery."""
        self._health.database_reached()
        self._metrics.recovery("replayed" if rows else "in_step")
        self._metrics.journal_depth(*partition, 0)

    def recycled(self, reason: str) -> None:
        """The producer was replaced."""
        self._metrics.producer_recycled(reason)
        log.warning("producer_recycled", reason=reason)

    def database_answered(self) -> None:
        """PostgreSQL answers."""
        self._health.database_reached()

    def database_away(self) -> None:
        """PostgreSQL does not answer."""
        self._health.database_lost()

    def released(self, partition: PartitionKey) -> None:
        """A partition is no longer this worker's."""
        self._health.released(*partition)
        self._parked.pop(partition, None)
        self._hand_overs.pop(partition, None)
        self._metrics.released(*partition)
