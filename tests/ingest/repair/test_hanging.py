"""What a hanging transaction carries is found in the journal, and nothing is taken for known that is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from consumers.kafka_source import Committed, PartitionKey
from ingest.database.connection import Database
from ingest.database.journal import JournalRow
from ingest.repair.broker_state import Batch, BrokerState, CoordinatorView, OpenTransaction
from ingest.repair.hanging import OFFSETS_TOPIC, HangingTransactions
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
    """A database that has these journal rows, all decided at 1000 s, and has noted rows up to 120 as published."""

    def __init__(self, *rows: JournalRow) -> None:
        self._rows = rows

    @contextmanager
    def transaction(self) -> Iterator[Journal]:
        yield self

    def execute(self, statement: str, parameters: tuple[Any, ...]) -> Journal:
        if "extract(epoch" in statement:
            self._answer: list[tuple[Any, ...]] = [(1000.0,)]
        elif "FROM positions" in statement:
            self._answer = [(120,)]
        else:
            key, after, newest = parameters[:2], parameters[2], parameters[3]
            self._answer = [row for row in self._rows if row[:2] == key and after < row.sequence <= newest]
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
    """Brokers with a transaction open on these partitions; output logs hold one committed batch, offsets 0 to 99."""

    def __init__(self, *opened: PartitionKey) -> None:
        self._open = [OpenTransaction(7, 0, 0, partition, 3) for partition in opened]

    def partitions(self, _topics: object) -> list[PartitionKey]:
        return [(OFFSETS_TOPIC, 0), (CHANGES.name, 0)]

    def open_transactions(self, _partitions: object) -> list[OpenTransaction]:
        return self._open

    def coordinators(self, _producers: object) -> dict[int, CoordinatorView]:
        return {}

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


def found(opened: list[PartitionKey], receipts: Mapping[PartitionKey, int], stable: Committed, *rows: JournalRow):
    """The one transaction that is open on these partitions and would commit these receipts."""

    class Looked(HangingTransactions):
        def _receipts(self, _producer_id: int, opened: Sequence[OpenTransaction]) -> dict[PartitionKey, int]:
            return dict(receipts) if opened else {}

    outputs = SimpleNamespace(places=lambda _instant_s, _wanted: [], at=lambda _partition, _offset: None)
    (one,) = Looked(
        "group", cast("BrokerState", Log(*opened)), cast("OutputLog", outputs), cast("Database", Journal(*rows)),
        lambda keys: dict.fromkeys(keys, stable), lambda keys: dict.fromkeys(keys, 100),
    ).find()  # fmt: skip
    return one


OFFSETS = (OFFSETS_TOPIC, 0)


@pytest.mark.parametrize(
    ("newest", "stable"),
    [
        (0, Committed(0, "ordergate:0")),
        (120, Committed(1200, "ordergate:120")),
        (120, Committed(None, None)),
        (120, Committed(7, None)),
    ],
)
def test_a_transaction_of_bare_receipts_is_committed(newest, stable):
    """The first receipt of a partition, and one that a repair restored, confirm what is published anyway."""
    one = found([OFFSETS], {RAW: newest}, stable)
    assert [(row.sequence, row.receipted) for row in one.rows] == [(newest, True)]
    assert end_of(one)[0] is End.COMMIT


def test_receipts_that_come_with_outputs_are_not_bare():
    """Rows that somebody has published again meanwhile look like that: their open outputs decide."""
    one = found([OFFSETS, (CHANGES.name, 0)], {RAW: 120}, Committed(1200, "ordergate:120"))
    assert end_of(one)[0] is None


def test_one_row_that_is_in_doubt_decides_for_bare_receipts_too():
    """A transaction has one end: what confirms nothing new does not publish what is nowhere visible."""
    one = found([OFFSETS], {RAW: 121, ("raw", 1): 120}, Committed(1200, "ordergate:120"), ROW)
    assert [(row.partition, row.receipted) for row in one.rows] == [(0, False)]
    assert end_of(one)[0] is End.ABORT
