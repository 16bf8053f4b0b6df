"""Transactions that hang: which end each of them must get. Pure.

A broker that is killed while it ends a transaction can skip some of its markers and call it complete; the offsets or
outputs it wrote there stay open for ever. What other partitions show of the same transaction decides: what was
committed anywhere must be committed everywhere, else the journal would publish it twice; what is visible nowhere may be
aborted, and the journal publishes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from consumers.kafka_source import PartitionKey
from ingest.errors import Cause
from ingest.repair.broker_state import CoordinatorView
from ingest.repair.plan import Plan

_STILL_AT_IT = frozenset({"Ongoing", "PrepareCommit", "PrepareAbort", "PrepareEpochFence"})
_GUARDED = (
    "each end is decided by what the transaction's other partitions show. A wrong end would publish rows twice or lose "
    "them, so what cannot be decided is left alone"
)


class End(StrEnum):
    """How a transaction ends."""

    COMMIT = "COMMIT"
    ABORT = "ABORT"


@dataclass(frozen=True, slots=True)
class CarriedRow:
    """A journal row whose output is in a transaction."""

    topic: str
    partition: int
    sequence: int | None
    """None: the journal does not have it, any more or at all."""
    receipted: bool
    """The stable committed offset says that the row is published."""
    records: int
    committed: int | None
    """Records of it that are committed, by this transaction elsewhere or by another one; None: the output topics no
    longer reach back to it."""
    published_again: bool
    """Another transaction has committed the very record that this one holds open."""
    rolled_back: bool = False
    """The database did not keep the decision, so the journal never had it: its output was sent ahead of that commit."""

    @property
    def told(self) -> str:
        """For people."""
        if self.rolled_back:
            return f"{self.topic}/{self.partition}: a decision that the database did not keep"
        row = "a row that the journal lacks" if self.sequence is None else f"row {self.sequence:,}"
        if self.committed is None:
            return f"{self.topic}/{self.partition} {row}: the output topics no longer reach back to it"
        return f"{self.topic}/{self.partition} {row}: {self.committed} of {self.records} records are committed"


@dataclass(frozen=True, slots=True)
class HangingTransaction:
    """A transaction that is open on some partitions although no worker runs it."""

    producer_id: int
    producer_epoch: int
    coordinator_epoch: int
    partitions: tuple[PartitionKey, ...]
    coordinator: CoordinatorView | None
    rows: tuple[CarriedRow, ...]
    holds_back: tuple[PartitionKey, ...]
    """Raw partitions whose committed offset it keeps from becoming stable."""

    @property
    def told(self) -> str:
        """For people."""
        places = ", ".join(f"{topic}/{number}" for topic, number in self.partitions)
        known = f"{self.coordinator.transactional_id}, {self.coordinator.state}" if self.coordinator else "forgotten"
        return f"a transaction of producer {self.producer_id} ({known} at its coordinator) is open on {places}"

    @property
    def still_at_it(self) -> bool:
        """The coordinator has not ended it: it will, at the latest when the transaction times out."""
        return self._state in _STILL_AT_IT

    @property
    def completed(self) -> bool:
        """The coordinator has committed just this transaction, or believes so."""
        return self._state == "CompleteCommit"

    @property
    def _state(self) -> str | None:
        """What the coordinator says of just this transaction."""
        view = self.coordinator
        return view.state if view is not None and view.producer_epoch == self.producer_epoch else None


@dataclass(frozen=True, slots=True)
class EndTransaction:
    """Write the markers that a broker has skipped."""

    producer_id: int
    producer_epoch: int
    coordinator_epoch: int
    end: End
    partitions: tuple[PartitionKey, ...]

    @property
    def told(self) -> str:
        """For people."""
        places = ", ".join(f"{topic}/{number}" for topic, number in self.partitions)
        return (
            f"write the missing {self.end} marker of producer {self.producer_id}, epoch {self.producer_epoch}, to "
            f"{places} (WriteTxnMarkers)"
        )


def end_of(transaction: HangingTransaction) -> tuple[End | None, str]:
    """How it must end, and why; no end when that cannot be told."""
    rows = transaction.rows
    if transaction.still_at_it:
        return None, "its coordinator is still at it: it ends when it times out (ORDERGATE_TRANSACTION_TIMEOUT_MS)"
    if any(row.committed is None for row in rows):
        return None, "the output topics no longer reach back to its rows: nothing shows whether readers have them"
    if any(row.published_again for row in rows):
        if any(row.committed and not row.published_again for row in rows):
            return None, "a part of it is committed, and another part was published again by a later transaction"
        return End.ABORT, "what it holds was published again by a later transaction"
    if any(row.receipted for row in rows):
        return End.COMMIT, "the committed offset says that its rows are published"
    if any(row.committed for row in rows):
        return End.COMMIT, "other records of the same rows are committed"
    if rows and all(row.rolled_back for row in rows):
        if transaction.completed:
            return None, "its coordinator has committed what the database does not know: PostgreSQL is behind Kafka"
        return End.ABORT, "the database did not keep what it carries: the events are decided again"
    if not rows or any(row.sequence is None for row in rows):
        return None, "nothing shows which journal rows it carries"
    if transaction.completed:
        return End.COMMIT, "its coordinator has committed it"
    return End.ABORT, "nothing of its rows is committed anywhere: the journal publishes them afterwards"


def plan_ends(
    name: PartitionKey, cause: Cause, known: Sequence[str], transactions: Sequence[HangingTransaction]
) -> Plan:
    """End the transactions that a partition waits for."""
    lines, steps = list(known), []
    undecided: list[str] = []
    for one in transactions:
        end, why = end_of(one)
        lines += [one.told, *(row.told for row in one.rows), f"{end or 'no end'}: {why}"]
        if end is None:
            undecided.append(why)
        else:
            steps.append(
                EndTransaction(one.producer_id, one.producer_epoch, one.coordinator_epoch, end, one.partitions)
            )
    hindrance = None
    if undecided:
        hindrance = f"{undecided[0]}; look again later, or ask who knows this broker's history"
    elif not steps:
        hindrance = "no transaction is open any more: look again"
    return Plan(*name, cause, tuple(lines), (_GUARDED,), () if hindrance else tuple(steps), hindrance=hindrance)
