"""What is asked before a repair: the questions, and what is made of the answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import TopicPartition

from ingest.database.journal import JournalRow
from ingest.repair.evidence import Evidence, Resumption
from ingest.repair.look import Looker
from ingest.worker.receipt import LogBounds
from producers.journal_records import pack
from producers.records import OutputRecord
from producers.topics import CHANGES
from tests.ingest.repair.journal_tables import JournalTables


class Answer:
    """A database with one answer to everything."""

    def __init__(self, *row: Any) -> None:
        self._row = row

    @contextmanager
    def transaction(self) -> Iterator[Answer]:
        yield self

    def execute(self, _statement: str, _parameters: object) -> Answer:
        return self

    def fetchone(self) -> tuple[Any, ...]:
        return self._row


def looker(**parts: Any) -> Looker:
    """One that asks these."""
    made = object.__new__(Looker)
    for name, part in parts.items():
        setattr(made, name, part)
    return made


@pytest.mark.parametrize(
    ("decided_s", "found", "offset"), [(1000.0005, 93, 93), (1000.0005, -1, 95), (None, 0, 95), (None, -1, 95)]
)
def test_a_log_that_lost_its_end_goes_on_with_what_is_younger_than_the_last_decision(decided_s, found, offset):
    """What was published since the loss is decided, what was decided before is not; without a time, nothing is."""
    asked: list[int] = []

    def offsets_for_times(places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        asked.extend(place.offset for place in places)
        return [TopicPartition("raw", 0, found)]

    consumer = SimpleNamespace(offsets_for_times=offsets_for_times)
    cut = Evidence("raw", 0, "A", LogBounds(0, 95), None, None, ())
    seen = looker(consumer=consumer, _database=cast("Any", Answer(decided_s))).with_resumption(cut)
    assert seen.resumption == Resumption(offset, decided_s)
    assert asked == ([] if decided_s is None else [1_000_001])


def test_a_journal_is_looked_through_row_by_row():
    """Two days of outputs are more than the memory of a machine."""
    rows = [
        JournalRow("raw", 0, number, number, number + 1, 1, pack([OutputRecord(CHANGES.name, b"k", b"v", [ce_id])]))
        for number in range(1, 9)
        for ce_id in [("ce_id", str(number).encode())]
    ]
    tables = JournalTables(*rows, others=[[(JournalTables.NOW, JournalTables.NOW)]])
    visible = [SimpleNamespace(record=(CHANGES.name, str(number).encode())) for number in range(1, 7)]
    asked: Any = looker(
        _database=tables, _cluster=SimpleNamespace(committed=lambda _keys: {}), partitions=list,
        outputs=lambda _isolation: SimpleNamespace(published_since=lambda _since: visible),
    )  # fmt: skip
    assert [one.sequence for one in asked.missing_outputs()] == [7, 8]
    assert tables.most_records == 1
