"""Positions beside the raw logs, and beside what the group has committed in Kafka."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from audit.violation import Kind, Position, Violation

_PREFIX: Final = "ordergate:"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a group has committed for a raw partition: the next offset, and the metadata beside it."""

    offset: int
    metadata: str

    @property
    def sequence(self) -> int | None:
        """The number of the newest journal row that is published; None when it is no receipt of Ordergate."""
        number = self.metadata.removeprefix(_PREFIX)
        return int(number) if self.metadata.startswith(_PREFIX) and number.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Standing:
    """A raw partition: the database's position, its log's bounds, and the group's receipts.

    `before` was read before the position, `after` once everything decided then could be published; None where
    there is no stable one.
    """

    topic: str
    partition: int
    next_offset: int
    sequence: int
    log_start: int
    log_end: int
    before: Receipt | None = None
    after: Receipt | None = None


def misplaced(standings: Iterable[Standing]) -> Iterator[Violation]:
    """Positions outside their log: what they say is decided cannot have been in it."""
    for one in standings:
        if not one.log_start <= one.next_offset <= one.log_end:
            place = Position(one.topic, one.partition, one.next_offset)
            sentence = (
                f"{one.topic}/{one.partition}: the position is {one.next_offset}, "
                f"but the raw log has offsets {one.log_start} to {one.log_end - 1}"
            )
            yield Violation(Kind.POSITION_DIFFERS, sentence, raw=place)


def forgotten(
    receipts: Mapping[tuple[str, int], Receipt | None], positions: Container[tuple[str, int]]
) -> Iterator[Violation]:
    """Partitions of which the group has published something, and the database knows nothing at all.

    `receipts` were read before `positions`, by topic and partition: a worker writes the position first.
    """
    for key, receipt in receipts.items():
        if receipt is None or key in positions or not (receipt.offset or receipt.sequence):
            continue
        topic, partition = key
        sentence = (
            f"{topic}/{partition}: the group has committed offset {receipt.offset} (journal row {receipt.sequence}), "
            "the database has no position there: it is behind Kafka, or another one"
        )
        yield Violation(Kind.RECEIPT_DIFFERS, sentence, raw=Position(topic, partition, receipt.offset))


def unpublished(standings: Iterable[Standing]) -> Iterator[Violation]:
    """Partitions where the group's receipt is not of what the database decided."""
    for one in standings:
        what = _wrong(one)
        if what is not None:
            place = Position(one.topic, one.partition, one.next_offset)
            yield Violation(Kind.RECEIPT_DIFFERS, f"{one.topic}/{one.partition}: {what}", raw=place)


def _wrong(one: Standing) -> str | None:
    decided = f"the database has decided offsets below {one.next_offset} (journal row {one.sequence})"
    if one.after is None:
        return None if one.sequence == 0 else f"{decided}, the group has no stable committed offset"
    if one.after.sequence is None:
        return f"{decided}, the group is at {one.after.offset} without a receipt of Ordergate: somebody moved it"
    before = one.before
    if before is not None and (before.offset > one.next_offset or (before.sequence or 0) > one.sequence):
        told = f"the group had published offsets below {before.offset} (row {before.sequence}) before"
        return f"{decided}, {told}: the database is behind Kafka"
    if one.after.sequence < one.sequence or one.after.offset < one.next_offset:
        told = f"only offsets below {one.after.offset} (row {one.after.sequence}) are published"
        return f"{decided}, {told}: is a worker running?"
    if one.after.sequence == one.sequence and one.after.offset != one.next_offset:
        return f"{decided}, the group says that the same row ends below offset {one.after.offset}"
    return None
