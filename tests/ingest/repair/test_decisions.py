"""What the database knows of decisions, and what it does not although it is published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from ingest.database.connection import Connection
from ingest.database.journal import JournalRow
from ingest.repair.decisions import newest_unknown
from ingest.repair.trail import record_id
from ingest.repair.true_order import Cause
from producers.journal_records import pack
from producers.records import OutputRecord
from producers.topics import CHANGES

RAW = ("raw", 0)


def change(name: str) -> OutputRecord:
    return OutputRecord(CHANGES.name, b"k", b"v", [("ce_id", name.encode())])


class Tables:
    """A database at offset 100 with one event parked, and these journal rows for every question about an event."""

    def __init__(self, *rows: JournalRow) -> None:
        self._rows = rows
        self._answer: Sequence[tuple[Any, ...]] = ()

    def execute(self, statement: str, _parameters: object) -> Tables:
        self._answer = [(100, [42])] if "FROM positions" in statement else self._rows
        return self

    def fetchone(self) -> tuple[Any, ...]:
        return self._answer[0]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._answer)


@pytest.mark.parametrize(
    ("offsets", "newest"),
    [([], None), ([7, 99], None), ([99, 100], 100), ([119, 104, 7], 119), ([42], 42), ([42, 43], 42)],
)
def test_what_is_published_and_not_decided_is_unknown(offsets, newest):
    """At the position or behind it, or parked: a database that has it so did not publish it."""
    caused = [(record_id(change(str(offset))), Cause(RAW, offset)) for offset in offsets]
    assert newest_unknown(cast("Connection", Tables()), RAW, caused) == newest


def test_what_an_earlier_log_of_the_topic_caused_is_known():
    """A topic that was made again has the same offsets: their outputs are in the journal, and no reason to stop."""
    old = JournalRow(*RAW, 9, 490, 501, 1, pack([change("500")]))
    caused = [(record_id(change("500")), Cause(RAW, 500))]
    assert newest_unknown(cast("Connection", Tables(old)), RAW, caused) is None
    unknown = [*caused, (record_id(change("120")), Cause(RAW, 120))]
    assert newest_unknown(cast("Connection", Tables(old)), RAW, unknown) == 120
