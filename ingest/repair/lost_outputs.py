"""Repair of output logs that lost records: the journal has their bytes. Pure.

What is missing is published again in the order in which it was decided. A record that the compacted topic may forget,
as a newer one of its key is visible, is not missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consumers.kafka_source import PartitionKey
from ingest.database.journal import JournalRow
from ingest.errors import Cause
from ingest.repair.plan import Mode, Plan
from ingest.repair.trail import COMPACTED, RecordId, record_id
from ingest.worker.output_watch import Shortened
from producers.journal_records import unpack
from producers.topics import GUESTS, ORDERS

_VERSIONED: Final = (ORDERS.name, GUESTS.name)
_CONSUMERS: Final = (
    "consumers that had read further than a log now reaches begin again where their own reset policy says: tell them",
    "what was published before the oldest journal row (ORDERGATE_JOURNAL_RETENTION_HOURS) cannot be published again",
)


@dataclass(frozen=True, slots=True)
class MissingRecords:
    """Records of one published journal row that the output topics lack."""

    topic: str
    partition: int
    sequence: int
    records: tuple[RecordId, ...]
    overtaken: int
    """How many of them have a newer version of their order or guest before them."""


@dataclass(frozen=True, slots=True)
class PublishAgain:
    """Publish from the journal what the output topics lack, and accept their ends."""

    missing: tuple[MissingRecords, ...]

    @property
    def told(self) -> str:
        """For people."""
        if not self.missing:
            return "nothing of what the journal keeps is missing: remember the logs' ends as they are"
        records = sum(len(one.records) for one in self.missing)
        return (
            f"publish {records:,} records of {len(self.missing):,} journal rows again, in the order in which they were "
            "decided, then remember the logs' ends as they are"
        )


def newest_versions(seen: Iterable[RecordId]) -> dict[tuple[str, str], int]:
    """The newest visible version of each order and guest, by topic and id."""
    newest: dict[tuple[str, str], int] = {}
    for topic, name in seen:
        if topic in _VERSIONED:
            of, _, version = name.decode().rpartition("/")
            newest[topic, of] = max(newest.get((topic, of), 0), int(version))
    return newest


def missing_of(
    row: JournalRow, seen: Collection[RecordId], newest: Mapping[tuple[str, str], int]
) -> MissingRecords | None:
    """What is missing of a published row; None when nothing is."""
    records, overtaken = [], 0
    for record in unpack(row.records):
        name = record_id(record)
        if name in seen:
            continue
        is_overtaken = _is_overtaken(name, newest)
        if is_overtaken and record.topic in COMPACTED:
            continue
        records.append(name)
        overtaken += is_overtaken
    return MissingRecords(row.topic, row.partition, row.sequence, tuple(records), overtaken) if records else None


def _is_overtaken(name: RecordId, newest: Mapping[tuple[str, str], int]) -> bool:
    topic, identity = name
    if topic not in _VERSIONED:
        return False
    of, _, version = identity.decode().rpartition("/")
    return newest.get((topic, of), 0) > int(version)


def plan_lost_outputs(
    key: PartitionKey, lost: Sequence[Shortened], missing: Sequence[MissingRecords], mode: Mode | None
) -> Plan:
    """Publish what is missing; a person decides when it would come behind what is newer."""
    known = tuple(one.told for one in lost)
    step = PublishAgain(tuple(missing))
    overtaken = sum(one.overtaken for one in missing)
    if overtaken:
        risk = (
            f"{overtaken:,} of the missing records come behind a newer version of their order or guest: a reader of "
            "that topic sees these versions out of order",
            *_CONSUMERS,
        )
        if mode is not Mode.PUBLISH_AGAIN:
            return Plan(*key, Cause.OUTPUT_LOST, known, risk, choices=(Mode.PUBLISH_AGAIN,))
        return Plan(*key, Cause.OUTPUT_LOST, known, risk, (step,))
    return Plan(*key, Cause.OUTPUT_LOST, known, _CONSUMERS, (step,))
