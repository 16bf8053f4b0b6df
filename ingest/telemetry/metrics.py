"""Prometheus metrics: one catalogue of every name, and one method per thing a worker reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import generate_latest


class Kind(StrEnum):
    """How a metric behaves."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. Labels are few and closed: never an order, guest, event or session."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()


EVENTS: Final = Metric(
    "ordergate_events_total", Kind.COUNTER, ("channel", "outcome"), "Raw events that were given this outcome."
)
RAW_BYTES: Final = Metric("ordergate_raw_bytes_total", Kind.COUNTER, (), "Bytes of raw events read.")
BATCHES: Final = Metric("ordergate_batches_total", Kind.COUNTER, (), "Batches committed.")
BATCH_EVENTS: Final = Metric(
    "ordergate_batch_events",
    Kind.HISTOGRAM,
    (),
    "Raw events in a batch: full batches mean that the worker is behind.",
    (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000),
)
BATCH_SECONDS: Final = Metric(
    "ordergate_batch_seconds",
    Kind.HISTOGRAM,
    (),
    "Time from a batch read to its outputs committed.",
    (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
PHASE_SECONDS: Final = Metric(
    "ordergate_batch_phase_seconds_total",
    Kind.COUNTER,
    ("phase",),
    "Time spent in each phase of batches; its rate is seconds spent per second.",
)
PHASE_CPU_SECONDS: Final = Metric(
    "ordergate_batch_phase_cpu_seconds_total",
    Kind.COUNTER,
    ("phase",),
    "CPU time of the process, all its threads, in each phase of batches.",
)
TIME_LAG: Final = Metric(
    "ordergate_time_lag_seconds",
    Kind.GAUGE,
    ("topic", "partition"),
    "Age of the next raw event that has no outcome; 0 when there is none.",
)
JOURNAL_ROWS: Final = Metric(
    "ordergate_journal_rows",
    Kind.GAUGE,
    ("topic", "partition"),
    "Journal rows in the database that are not yet published.",
)
HALTED: Final = Metric(
    "ordergate_partition_halted",
    Kind.GAUGE,
    ("topic", "partition"),
    "1 where the partition has stopped until an operator repairs it.",
)
READERS_WAIT: Final = Metric(
    "ordergate_output_readers_wait",
    Kind.GAUGE,
    ("topic", "partition"),
    "1 where readers of an output partition wait for a transaction that an operator has to end.",
)
RECOVERIES: Final = Metric(
    "ordergate_recoveries_total", Kind.COUNTER, ("reason",), "Times a partition went through recovery."
)
PRODUCER_RECYCLES: Final = Metric(
    "ordergate_producer_recycles_total", Kind.COUNTER, ("reason",), "Times the producer was replaced."
)
CONSUMER_RECYCLES: Final = Metric(
    "ordergate_consumer_recycles_total",
    Kind.COUNTER,
    (),
    "Times the consumer no longer found the brokers, which answered others, and was replaced.",
)
READ_ANEW: Final = Metric(
    "ordergate_read_anew_total",
    Kind.COUNTER,
    (),
    "Times the Kafka client did not give what a raw log had, and was told to fetch the partition anew.",
)
PARKED: Final = Metric("ordergate_parked_events", Kind.GAUGE, (), "Events that wait for a predecessor or a reference.")
RULE_FAILURES: Final = Metric(
    "ordergate_rule_failures_total",
    Kind.COUNTER,
    ("channel", "rule", "action"),
    "Findings: one rule broken by one raw event.",
)
RULE_INFO: Final = Metric(
    "ordergate_rule_info",
    Kind.GAUGE,
    ("rule", "field", "dimension", "severity", "owner", "contract_version"),
    "1 for each rule: joins owner and severity to the failures, so that a new owner splits no series.",
)
UNKNOWN_FIELDS: Final = Metric(
    "ordergate_unknown_fields_total",
    Kind.COUNTER,
    ("channel",),
    "Payload fields that no model knows: a channel has changed its payload.",
)

CATALOGUE: Final = (
    EVENTS,
    RAW_BYTES,
    BATCHES,
    BATCH_EVENTS,
    BATCH_SECONDS,
    PHASE_SECONDS,
    PHASE_CPU_SECONDS,
    TIME_LAG,
    JOURNAL_ROWS,
    HALTED,
    READERS_WAIT,
    RECOVERIES,
    PRODUCER_RECYCLES,
    CONSUMER_RECYCLES,
    READ_ANEW,
    PARKED,
    RULE_FAILURES,
    RULE_INFO,
    UNKNOWN_FIELDS,
)
"""Every metric there is."""


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """What is said of a rule beside its failures."""

    rule: str
    field: str
    dimension: str
    severity: str
    owner: str
    contract_version: str


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        # Their creation times would double the number of series, and nobody asks for them.
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library left its return type out
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._events = self._counter(EVENTS)
        self._raw_bytes = self._counter(RAW_BYTES)
        self._batches = self._counter(BATCHES)
        self._batch_events = self._histogram(BATCH_EVENTS)
        self._batch_seconds = self._histogram(BATCH_SECONDS)
        self._phase_seconds = self._counter(PHASE_SECONDS)
        self._phase_cpu_seconds = self._counter(PHASE_CPU_SECONDS)
        self._time_lag = self._gauge(TIME_LAG)
        self._journal_rows = self._gauge(JOURNAL_ROWS)
        self._halted = self._gauge(HALTED)
        self._readers_wait = self._gauge(READERS_WAIT)
        self._recoveries = self._counter(RECOVERIES)
        self._recycles = self._counter(PRODUCER_RECYCLES)
        self._consumer_recycles = self._counter(CONSUMER_RECYCLES)
        self._read_anew = self._counter(READ_ANEW)
        self._parked = self._gauge(PARKED)
        self._rule_failures = self._counter(RULE_FAILURES)
        self._rule_info = self._gauge(RULE_INFO)
        self._unknown_fields = self._counter(UNKNOWN_FIELDS)

    def outcomes(self, outcomes: Mapping[tuple[str, str], int]) -> None:
        """Events were given outcomes. `outcomes`: how many by (channel, outcome)."""
        for (channel, outcome), count in outcomes.items():
            self._events.labels(channel, outcome).inc(count)

    def batch(self, phases: Mapping[str, float], cpu: Mapping[str, float], events: int, raw_bytes: int) -> None:
        """A batch was committed and published.

        `phases`, `cpu`: seconds of wall and processor time by phase; `raw_bytes`: read for the batch.
        """
        for phase, seconds in phases.items():
            self._phase_seconds.labels(phase).inc(seconds)
        for phase, seconds in cpu.items():
            self._phase_cpu_seconds.labels(phase).inc(seconds)
        self._batches.inc()
        self._raw_bytes.inc(raw_bytes)
        self._batch_events.observe(events)
        self._batch_seconds.observe(sum(phases.values()))

    def lag(self, topic: str, partition: int, seconds: float) -> None:
        """The age of the partition's next raw event."""
        self._time_lag.labels(topic, str(partition)).set(seconds)

    def journal_depth(self, topic: str, partition: int, rows: int) -> None:
        """The partition's journal rows that are not yet published."""
        self._journal_rows.labels(topic, str(partition)).set(rows)

    def halted(self, topic: str, partition: int) -> None:
        """The partition stopped and needs an operator."""
        self._halted.labels(topic, str(partition)).set(1)

    def readers_wait(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Readers wait at these output partitions, and at no others."""
        self._readers_wait.clear()
        for topic, partition in partitions:
            self._readers_wait.labels(topic, str(partition)).set(1)

    def released(self, topic: str, partition: int) -> None:
        """The partition is another worker's now: its gauges end here, or two workers would report it."""
        for gauge in (self._time_lag, self._journal_rows, self._halted):
            gauge.remove_by_labels({"topic": topic, "partition": str(partition)})

    def recovery(self, reason: str) -> None:
        """A partition goes through recovery. `reason`: a stable code."""
        self._recoveries.labels(reason).inc()

    def producer_recycled(self, reason: str) -> None:
        """The producer was replaced by a new one. `reason`: a stable code."""
        self._recycles.labels(reason).inc()

    def consumer_recycled(self) -> None:
        """The consumer was replaced by a new one."""
        self._consumer_recycles.inc()

    def read_anew(self) -> None:
        """A partition is fetched anew."""
        self._read_anew.inc()

    def parked(self, events: int) -> None:
        """How many events wait now."""
        self._parked.set(events)

    def rule_failures(self, channel: str, rule: str, action: str, count: int) -> None:
        """Findings of one rule in a batch."""
        self._rule_failures.labels(channel, rule, action).inc(count)

    def rules(self, rules: Iterable[RuleInfo]) -> None:
        """The rules in force: replaces those told before."""
        self._rule_info.clear()
        for rule in rules:
            labels = (rule.rule, rule.field, rule.dimension, rule.severity, rule.owner, rule.contract_version)
            self._rule_info.labels(*labels).set(1)

    def unknown_fields(self, channel: str, count: int) -> None:
        """Fields of a batch's payloads that the channel's model does not know."""
        self._unknown_fields.labels(channel).inc(count)

    def exposition(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self.registry)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.help, metric.labels, registry=self.registry)

    def _gauge(self, metric: Metric) -> Gauge:
        return Gauge(metric.name, metric.help, metric.labels, registry=self.registry)

    def _histogram(self, metric: Metric) -> Histogram:
        return Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=self.registry)
