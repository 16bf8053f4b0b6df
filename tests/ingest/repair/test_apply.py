"""Steps are carried out as they were told, on whatever size of journal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ingest.database.journal import JournalRow
from ingest.database.positions import Fenced
from ingest.errors import Cause
from ingest.repair import apply
from ingest.repair.apply import Repairer
from ingest.repair.behind import Rebuild
from ingest.repair.lost_outputs import MissingRecords, PublishAgain
from ingest.repair.moves import TakenOver
from ingest.repair.plan import Plan
from ingest.repair.steps import RepairInDoubt, Steps
from ingest.repair.trail import record_id
from ingest.worker.batch import OutOfOrder
from producers.journal_records import pack
from producers.records import OutputRecord
from producers.topics import CHANGES
from tests.ingest.repair.journal_tables import JournalTables


def change(name: str) -> OutputRecord:
    return OutputRecord(CHANGES.name, b"k", b"v", [("ce_id", name.encode())])


def row(sequence: int) -> JournalRow:
    return JournalRow(
        "raw", 0, sequence, sequence, sequence + 1, 2, pack([change(f"{sequence}a"), change(f"{sequence}b")])
    )


class Publisher:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.published: list[list[bytes]] = []

    def publish(self, records: list[OutputRecord], _offsets: object, _metadata: object) -> None:
        self.published.append([record_id(one)[1] for one in records])


def steps(tables: JournalTables, publisher: Publisher) -> Steps:
    consumer = SimpleNamespace(consumer_group_metadata=lambda: b"")
    looker: Any = SimpleNamespace(consumer=consumer, output_ends=list)
    given: Any = None
    database: Any = tables
    fencing: Any = SimpleNamespace(publisher=publisher)
    return Steps(given, database, looker, fencing)


def repairer(on_step: Callable[[object], None] = lambda _step: None) -> Repairer:
    made: Any = object.__new__(Repairer)
    made._database = JournalTables()
    made._fencing = SimpleNamespace(
        fence=lambda _key: None, end_transaction_of_owner=lambda _fence: None, open=nullcontext
    )
    made._steps = SimpleNamespace(carry_out=lambda step, _key, _fence: on_step(step))
    return made  # type: ignore[no-any-return]  # one that works on these


def missing(sequence: int) -> MissingRecords:
    return MissingRecords("raw", 0, sequence, (record_id(change(f"{sequence}b")),), 0)


def test_what_is_missing_is_published_from_its_own_row():
    """A journal of two days is not read from end to end for each record that an output lost."""
    tables, publisher = JournalTables(*(row(number) for number in range(1, 9))), Publisher()
    steps(tables, publisher).carry_out(PublishAgain((missing(3), missing(5))), ("raw", 0), None)
    assert publisher.published == [[b"3b"], [b"5b"]]
    assert tables.most_records == 1


def test_a_row_that_goes_meanwhile_is_not_replaced_by_the_next_one():
    """The journal is kept for a bounded time: a repair that comes too late says so."""
    tables, publisher = JournalTables(row(4)), Publisher()
    with pytest.raises(RepairInDoubt, match="cut off"):
        steps(tables, publisher).carry_out(PublishAgain((missing(3),)), ("raw", 0), None)
    assert publisher.published == []


@pytest.mark.parametrize("error", [Fenced("raw/0"), OutOfOrder("raw/0 gave offset 7 again")])
def test_a_worker_that_comes_between_is_told(error):
    """Somebody started a worker during the repair: he is told to stop it, and sees no fault of the program."""

    def overtaken(_step: object) -> None:
        raise error

    plan = Plan("raw", 0, Cause.DATABASE_BEHIND, (), (), (Rebuild(()),))
    with pytest.raises(TakenOver):
        repairer(overtaken).apply(plan, lambda: plan)


def test_tables_have_room_before_a_repair_and_lose_nothing(monkeypatch: pytest.MonkeyPatch):
    """After a weekend without workers no partition is there for now, and rows of Friday are still needed."""
    kept: list[timedelta] = []
    monkeypatch.setattr(apply, "maintain", lambda _connection, tables, _now: kept.extend(one.keep for one in tables))
    made: Any = repairer()
    made._given = SimpleNamespace(
        journal_retention_hours=48, outcome_retention_days=30, finding_retention_days=30, event_id_retention_days=7
    )
    made._wait_until_the_group_is_empty = lambda: None
    with made.open():
        assert len(kept) == 4 and min(kept) > timedelta(days=36_500)
