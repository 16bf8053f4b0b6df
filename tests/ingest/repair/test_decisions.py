"""What the database knows of decisions, and what it does not although it is published."""

from __future__ import annotations

from typing import cast

import pytest

from ingest.database.connection import Connection
from ingest.database.journal import JournalRow
from ingest.repair.decisions import carrier_of, newest_unknown
from ingest.repair.trail import record_id
from ingest.repair.true_order import Cause
from producers.journal_records import pack
from producers.records import OutputRecord
from producers.topics import CHANGES
from tests.ingest.repair.journal_tables import JournalTables

RAW = ("raw", 0)


def change(name: str) -> OutputRecord:
    return OutputRecord(CHANGES.name, b"k", b"v", [("ce_id", name.encode())])


NOT_DECIDED = [(100, [42])]
"""A position at offset 100, and one event parked."""


@pytest.mark.parametrize(
    ("offsets", "newest"),
    [([], None), ([7, 99], None), ([99, 100], 100), ([119, 104, 7], 119), ([42], 42), ([42, 43], 42)],
)
def test_what_is_published_and_not_decided_is_unknown(offsets, newest):
    """At the position or behind it, or parked: a database that has it so did not publish it."""
    caused = [(record_id(change(str(offset))), Cause(RAW, offset)) for offset in offsets]
    tables = JournalTables(others=[NOT_DECIDED])
    assert newest_unknown(cast("Connection", tables), RAW, caused) == newest


@pytest.mark.parametrize("published", [[500], [500, 120]])
def test_what_an_earlier_log_of_the_topic_caused_is_known(published):
    """A topic that was made again has the same offsets: their outputs are in the journal, and no reason to stop."""
    old = JournalRow(*RAW, 9, 490, 501, 1, pack([change("500")]))
    caused = [(record_id(change(str(offset))), Cause(RAW, offset)) for offset in published]
    tables = JournalTables(old, others=[NOT_DECIDED, [old[:3]]])
    assert newest_unknown(cast("Connection", tables), RAW, caused) == (120 if 120 in published else None)


def test_the_output_of_a_parked_event_is_found_in_the_row_that_released_it():
    """A refund that waited for its order is published with the order, by whichever partition brought it."""
    own = JournalRow(*RAW, 9, 40, 50, 1, pack([change("another")]))
    releasing = JournalRow("raw", 1, 3, 7, 8, 2, pack([change("order"), change("refund")]))
    tables = JournalTables(own, releasing, others=[[own[:3]], [own[:3], releasing[:3]]])
    found = carrier_of(cast("Connection", tables), record_id(change("refund")), Cause(RAW, 42))
    assert found == releasing
