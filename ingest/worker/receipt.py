"""The receipt: the group's committed offset and, as its metadata, the number of the newest journal row published.

Kafka writes both in the same transaction as the output, so "was it published?" always has one answer, also for
rows that move no offset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import TopicPartition

from consumers.kafka_source import Committed
from ingest.database.journal import JournalRow
from ingest.database.positions import Fence
from ingest.errors import Cause, PartitionHalted

_PREFIX = "ordergate:"


def receipt(topic: str, partition: int, next_offset: int, sequence: int) -> TopicPartition:
    """What to commit for a partition together with the output of journal row `sequence`."""
    return TopicPartition(topic, partition, next_offset, f"{_PREFIX}{sequence}")


def published_sequence(committed: Committed) -> int | None:
    """The newest journal row published, None when somebody else committed this offset."""
    metadata = committed.metadata or ""
    number = metadata.removeprefix(_PREFIX)
    return int(number) if metadata.startswith(_PREFIX) and number.isdecimal() else None


@dataclass(frozen=True, slots=True)
class LogBounds:
    """First offset and next offset of a raw partition's log."""

    low: int
    high: int
    epoch_end: int | None = None
    """Where the leader epoch of the newest decided event ends in it; None: not known."""


def check(
    topic: str,
    partition: int,
    fence: Fence,
    topic_id: str,
    committed: Committed,
    bounds: LogBounds,
) -> int:
    """Compare database and Kafka; gives the sequence up to which Kafka has published.

    Raises PartitionHalted when they cannot both be right.
    """
    decided = f"the database has decided offsets below {fence.next_offset:,} (journal row {fence.sequence:,})"

    def halt(cause: Cause, known: str, safe: str) -> PartitionHalted:
        return PartitionHalted(topic, partition, cause, known=f"{known}; {decided}", safe=safe)

    if fence.topic_id != topic_id:
        raise halt(
            Cause.TOPIC_REMADE,
            f"Kafka's topic id is {topic_id}, the database knows {fence.topic_id}",
            "offsets of the new topic mean other events: nothing of it was read",
        )
    if not bounds.low <= fence.next_offset <= bounds.high:
        raise halt(
            Cause.OUTSIDE_LOG,
            f"Kafka has offsets {bounds.low:,} to {bounds.high - 1:,}",
            "nothing was skipped and nothing was published twice",
        )
    if bounds.epoch_end is not None and bounds.epoch_end < fence.next_offset:
        raise halt(
            Cause.END_REPLACED,
            f"Kafka's log agrees with what was read below offset {bounds.epoch_end:,}, and has other events from there "
            f"to {bounds.high - 1:,} (leader epoch {fence.leader_epoch} ends there: an unclean leader election, or a "
            "lost disk?)",
            f"nothing of the other events was skipped; what was decided from offset {bounds.epoch_end:,} on stays "
            "decided and published",
        )
    if committed.offset is None:
        raise halt(
            Cause.OFFSET_GONE,
            f"row {fence.sequence:,} may or may not be published, and only the committed offset tells",
            "nothing was published twice; events are in the log and in the journal",
        )
    sequence = published_sequence(committed)
    if sequence is None:
        raise halt(
            Cause.OFFSET_MOVED,
            f"the group is at offset {committed.offset:,} without Ordergate's receipt",
            "nothing was published twice; events are in the log and in the journal",
        )
    if sequence < fence.published_sequence:
        raise halt(
            Cause.OFFSET_MOVED,
            f"the group is at row {sequence:,}, and rows up to {fence.published_sequence:,} were published before",
            "nothing was published twice; events are in the log and in the journal",
        )
    if sequence > fence.sequence or committed.offset > fence.next_offset:
        raise halt(
            Cause.DATABASE_BEHIND,
            f"Kafka says offsets below {committed.offset:,} are published (journal row {sequence:,}); "
            "was the database restored from a backup?",
            f"nothing was published twice; {max(committed.offset - fence.next_offset, 0):,} "
            "events are in the log and can be read again",
        )
    return sequence


def check_rows(topic: str, partition: int, fence: Fence, committed: Committed, rows: Sequence[JournalRow]) -> None:
    """Whether the journal joins without a gap from the receipt to the position; raises PartitionHalted."""
    at, sequence = committed.offset or 0, published_sequence(committed) or 0
    for row in rows:
        if row.base_offset != at or row.sequence != sequence + 1:
            break
        at, sequence = row.next_offset, row.sequence
    if at != fence.next_offset or sequence != fence.sequence:
        raise PartitionHalted(
            topic, partition, Cause.JOURNAL_GAP,
            known=f"published up to offset {committed.offset or 0:,}; the journal reaches {at:,} without a gap; "
            f"the database has decided offsets below {fence.next_offset:,} (was it down for longer than "
            "the journal is kept?)",
            safe="nothing was published twice; the orders are in the database and the raw events in the log",
        )  # fmt: skip
