"""What is known of one partition before anything is repaired, and which certainty it lacks. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from consumers.kafka_source import Committed
from ingest.database.journal import JournalRow
from ingest.database.positions import Fence
from ingest.errors import Cause, PartitionHalted
from ingest.repair.torn import HangingTransaction
from ingest.repair.trail import RowTrace
from ingest.worker.receipt import LogBounds, check, check_rows, published_sequence, receipt


@dataclass(frozen=True, slots=True)
class EventOutputs:
    """A raw event whose journal row is gone: how many records it caused, and how many of them are visible."""

    offset: int
    caused: int
    visible: int


@dataclass(frozen=True, slots=True)
class UnknownDecisions:
    """What the output topics have of a partition since its last decision, and the database knows nothing of."""

    newest: int | None
    """Newest raw offset with such an output; None without any."""
    complete: bool
    """The output topics still reach back to the last decision."""


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where the events begin that a log got after it had lost its end, as far as timestamps tell."""

    offset: int
    """Of the first event that is younger than the last decision; the log's end without one."""
    decided_s: float | None
    """When the last raw event was decided, in seconds since the epoch; None: not known any more."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One raw partition, as Kafka and the database have it."""

    topic: str
    partition: int
    topic_id: str
    bounds: LogBounds
    committed: Committed | None
    """None: it does not become stable."""
    position: Fence | None
    """None: the database knows nothing of this partition."""
    rows: tuple[JournalRow, ...]
    """The journal's rows that are not known to be published, oldest first."""
    traces: tuple[RowTrace, ...] | None = None
    """What the output topics have of those rows; None: not looked at."""
    unknown: UnknownDecisions | None = None
    """Published decisions that the database does not know; None: not looked at."""
    resumption: Resumption | None = None
    """Where to go on in a log that lost its end; None: not looked at."""
    hanging: tuple[HangingTransaction, ...] = ()
    """Transactions that keep its committed offset from becoming stable."""

    unjournalled: tuple[EventOutputs, ...] | None = None
    """Events between receipt and position whose rows the journal lacks; None: not looked at."""


def halt_of(evidence: Evidence) -> PartitionHalted | None:
    """Why a worker would stop this partition, by the worker's own comparison; None when it would go on."""
    topic, partition, position = evidence.topic, evidence.partition, evidence.position
    if evidence.committed is None:
        return PartitionHalted(
            topic, partition, Cause.OFFSET_UNSTABLE,
            known="a transaction that wrote its committed offset is neither committed nor aborted",
            safe="nothing was published twice; decided events are in the journal",
        )  # fmt: skip
    if position is None:
        return _halt_of_unknown(evidence, evidence.committed)
    committed = evidence.committed
    if committed.offset is None and position.sequence == 0:
        # Nothing is decided yet: a worker commits the first receipt itself.
        committed = Committed(position.next_offset, receipt(topic, partition, position.next_offset, 0).metadata)
    try:
        published = check(topic, partition, position, evidence.topic_id, committed, evidence.bounds)
        rows = [row for row in evidence.rows if row.sequence > published]
        check_rows(topic, partition, position, committed, rows)
    except PartitionHalted as halt:
        return halt
    return None


def _halt_of_unknown(evidence: Evidence, committed: Committed) -> PartitionHalted | None:
    if committed.offset is None or not published_sequence(committed):
        return None
    return PartitionHalted(
        evidence.topic, evidence.partition, Cause.DATABASE_BEHIND,
        known=f"Kafka says offsets below {committed.offset:,} are published; the database knows nothing of "
        "this partition (a new or restored database?)",
        safe="nothing was published twice; the raw events are in the log",
    )  # fmt: skip
