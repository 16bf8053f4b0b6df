"""What a hanging transaction carries is found in the journal, and nothing is taken for known that is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import pytest

from consumers.kafka_source import Committed, PartitionKey
from ingest.database.connection import Database
from ingest.database.journal import JournalRow
from ingest.repair.broker_state import Batch, BrokerState, CoordinatorView
from ingest.repair.hanging import HangingTransactions
from ingest.repair.outputs import OutputLog, Place
from ingest.repair.torn import CarriedRow, End, HangingTransaction, end_of
from ingest.repair.trail import RecordId, record_id
from producers.journal_records import pack
from producers.records import OutputRecord
from producers.topics import CHANGES, FINDINGS

RAW = ("raw", 0)
CHANGE = OutputRecord(CHANGES.name, b"k", b"v", [("ce_id", b"c")])
FINDING = OutputRecord(FINDINGS.name, b"k", b"v", [("ce_id", b"f")])
ROW = JournalRow(*RAW, 121, 1200, 1201, 2, pack([CHANGE, FINDING]))


class Journal:
    """A database that has these journal rows, all of them decided at 1000 s."""

    def __init__(self, *rows: JournalRow) -> None:
        self._rows = rows

    @contextmanager
    def transaction(self) -> Iterator[Journal]:
        yield self

    def execute(self, statement: str, parameters: tuple[Any, ...]) -> Journal:
        self._answer: list[tuple[Any, ...]] = (
            [(1000.0,)] if "extract(epoch" in statement else [row for row in self._rows if row[:2] == parameters[:2]]
        )
        return self

    def fetchone(self) -> tuple[Any, ...]:
        return self._answer[0]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._answer)


class Outputs:
    """Output topics in which the wanted records are at these places; None when they do not reach back."""

    def __init__(self, places: list[tuple[RecordId, Place]] | None) -> None:
        self._places = places

    def places(self, _instant_s: float, _wanted: object) -> list[tuple[RecordId, Place]] | None:
        return self._places


class Log:
    """Brokers whose output logs hold one committed batch each, of offsets 0 to 99."""

    def batches(self, _partition: PartitionKey, _first: int, _end: int) -> list[Batch]:
        return [Batch(0, 99, 5, 0, transactional=False, commits=None, compressed=False, records=b"")]


def carried(
    rows: list[JournalRow], places: list[tuple[RecordId, Place]] | None, receipts: Mapping[PartitionKey, int],
    stable: Committed,
) -> list[CarriedRow]:  # fmt: skip
    """What a transaction carries that would commit these receipts."""
    looked = HangingTransactions(
        "group", cast("BrokerState", Log()), cast("OutputLog", Outputs(places)), cast("Database", Journal(*rows)),
        lambda keys: dict.fromkeys(keys, stable), lambda keys: dict.fromkeys(keys, 100),
    )  # fmt: skip
    return looked._carried(receipts)


def hanging(rows: list[CarriedRow], state: str = "Empty", epoch: int = 1) -> HangingTransaction:
    """Open on the group's offsets; its coordinator is one epoch further on, as after any worker's start."""
    view = CoordinatorView("group-0-x", 7, epoch, state)
    return HangingTransaction(7, 0, 0, (("__consumer_offsets", 3),), view, tuple(rows), (RAW,))


VISIBLE = [(record_id(CHANGE), ((CHANGES.name, 0), 7)), (record_id(FINDING), ((FINDINGS.name, 0), 9))]


@pytest.mark.parametrize(("places", "end"), [(VISIBLE, End.COMMIT), ([], End.ABORT), (None, None)])
def test_outputs_that_do_not_reach_back_show_nothing(places, end):
    """An ABORT of what readers have seen publishes it twice: only outputs that were read prove that it is absent."""
    assert end_of(hanging(carried([ROW], places, {RAW: 121}, Committed(1200, "ordergate:120"))))[0] is end
