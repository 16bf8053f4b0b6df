"""The trail that journal rows leave in the output topics: which of them are published. Pure.

A row is published in one transaction, so a reader of committed records sees all of it or nothing. Its records are
known by topic and `ce_id`. The compacted topic forgets older records of a key, so a record missing there proves
nothing while the row has records on other topics.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ingest.database.journal import JournalRow
from producers.journal_records import unpack
from producers.records import OutputRecord
from producers.topics import OUTPUT_TOPICS

COMPACTED = frozenset(topic.name for topic in OUTPUT_TOPICS if topic.cleanup == "compact")
"""Output topics that forget all but the newest record of a key."""

RecordId = tuple[str, bytes]
"""An output record's topic and `ce_id`."""


class Visibility(StrEnum):
    """How much of a journal row the output topics have."""

    WHOLE = "all visible"
    NOTHING = "none visible"
    PARTLY = "partly visible"
    SILENT = "without records"
    """Duplicates and the like: published or not, nothing shows it, and it makes no difference."""


@dataclass(frozen=True, slots=True)
class RowTrace:
    """One journal row's records in the output topics."""

    sequence: int
    records: int
    visible: int
    visibility: Visibility

    @property
    def told(self) -> str:
        """For people."""
        return f"journal row {self.sequence:,}: {self.visible} of {self.records} records visible"


class TrailBroken(Exception):
    """The rows' trail is not that of rows published whole and in order; the message says where."""


def record_id(record: OutputRecord) -> RecordId:
    """What the record is known by."""
    return record.topic, dict(record.headers)["ce_id"]


def records_of(rows: Iterable[JournalRow]) -> set[RecordId]:
    """What to look for in the output topics."""
    return {record_id(record) for row in rows for record in unpack(row.records)}


def trace(row: JournalRow, seen: Collection[RecordId]) -> RowTrace:
    """What is visible of one row, given the records seen."""
    records = unpack(row.records)
    lasting = [record for record in records if record.topic not in COMPACTED] or records
    visible = sum(record_id(record) in seen for record in records)
    if not records:
        found = Visibility.SILENT
    elif all(record_id(record) in seen for record in lasting):
        found = Visibility.WHOLE
    else:
        found = Visibility.PARTLY if visible else Visibility.NOTHING
    return RowTrace(row.sequence, len(records), visible, found)


def published_up_to(known: int, traces: Sequence[RowTrace]) -> int:
    """The newest row published, given that row `known` is, and the traces of all rows after it in their order.

    Raises TrailBroken when a row is visible in part, or behind one that is not visible.
    """
    newest = known
    missing: RowTrace | None = None
    for one in traces:
        match one.visibility:
            case Visibility.PARTLY:
                raise TrailBroken(f"{one.told}: a row is published whole or not at all")
            case Visibility.NOTHING:
                missing = missing or one
            case Visibility.WHOLE:
                if missing is not None:
                    raise TrailBroken(f"{one.told}, but of the earlier row {missing.sequence:,} none")
                newest = one.sequence
            case Visibility.SILENT:
                continue
    return newest
