"""What the output topics show of journal rows: only whole rows, in their order, count as published."""

from __future__ import annotations

import pytest

from ingest.database.journal import JournalRow
from ingest.repair.trail import RowTrace, TrailBroken, Visibility, published_up_to, record_id, records_of, trace
from producers.journal_records import pack
from producers.records import OutputRecord
from producers.topics import CHANGES, FINDINGS, ORDERS


def record(topic: str, name: str) -> OutputRecord:
    return OutputRecord(topic, b"key", b"value", [("ce_id", name.encode())])


def row(sequence: int, *records: OutputRecord) -> JournalRow:
    return JournalRow("t", 0, sequence, sequence, sequence + 1, len(records), pack(records))


ORDER, CHANGE, FINDING = record(ORDERS.name, "o/1"), record(CHANGES.name, "c"), record(FINDINGS.name, "f")


@pytest.mark.parametrize(
    ("records", "seen", "found"),
    [
        ([ORDER, CHANGE, FINDING], [ORDER, CHANGE, FINDING], Visibility.WHOLE),
        ([ORDER, CHANGE, FINDING], [CHANGE, FINDING], Visibility.WHOLE),
        ([ORDER, CHANGE, FINDING], [], Visibility.NOTHING),
        ([ORDER, CHANGE, FINDING], [ORDER, CHANGE], Visibility.PARTLY),
        ([ORDER, CHANGE], [ORDER], Visibility.PARTLY),
        ([ORDER], [], Visibility.NOTHING),
        ([ORDER], [ORDER], Visibility.WHOLE),
        ([], [ORDER], Visibility.SILENT),
    ],
)
def test_a_row_is_there_when_every_record_of_its_lasting_topics_is(records, seen, found):
    """Compaction may have removed an order's older version: that alone makes no row incomplete."""
    assert trace(row(7, *records), {record_id(one) for one in seen}).visibility is found


def test_the_same_id_on_another_topic_is_another_record():
    """An order and its change may have ids that look alike."""
    one = row(7, record(CHANGES.name, "same"))
    assert trace(one, {(FINDINGS.name, b"same")}).visibility is Visibility.NOTHING
    assert records_of([one]) == {(CHANGES.name, b"same")}


def traces(shape: str) -> list[RowTrace]:
    kinds = {"w": Visibility.WHOLE, "n": Visibility.NOTHING, "p": Visibility.PARTLY, "s": Visibility.SILENT}
    return [RowTrace(8 + number, 2, 1, kinds[kind]) for number, kind in enumerate(shape)]


@pytest.mark.parametrize(
    ("shape", "newest"), [("", 7), ("w", 8), ("ww", 9), ("wn", 8), ("nn", 7), ("swsn", 9), ("sns", 7), ("ss", 7)]
)
def test_the_newest_whole_row_is_the_newest_published(shape, newest):
    """What comes behind it is not published; rows without records follow their neighbours."""
    assert published_up_to(7, traces(shape)) == newest


@pytest.mark.parametrize("shape", ["p", "wp", "np", "nw", "wnsw"])
def test_a_trail_with_a_hole_is_no_trail(shape):
    """Half a row, or a row behind a missing one, means that somebody else was at the outputs."""
    with pytest.raises(TrailBroken, match="journal row"):
        published_up_to(7, traces(shape))
