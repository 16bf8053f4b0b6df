"""A rebuild is kept when what was published is made again, whatever was waiting when the backup was taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import pytest

from ingest.database import positions
from ingest.database.connection import Database
from ingest.raw_event import RawEvent
from ingest.repair import rebuild as rebuild_module
from ingest.repair.behind import Lost, Rebuild
from ingest.repair.moves import TakenOver
from ingest.repair.outputs import OutputLog, Published, digest
from ingest.repair.rebuild import RawLogTooShort, RawLogUnreadable, RebuildDiffers, Rebuilder
from ingest.repair.trail import record_id
from ingest.repair.true_order import Cause
from ingest.worker.batch import BatchProcessor, Committed
from ingest.worker.partition import OwnedPartition
from producers.records import OutputRecord
from producers.topics import CHANGES

RAW = ("raw", 0)
STEP = Rebuild((Lost(*RAW, 10, 11, 4, 3),))


def change(version: int, offset: int) -> OutputRecord:
    headers = [("ce_id", f"o/{version}".encode()), ("ordergate_cause", f"raw/0/{offset}".encode())]
    return OutputRecord(CHANGES.name, b"k", b"v", headers)


class Tables:
    """A database in which nothing is parked any more, and every position moves, unless it was taken over."""

    def __init__(self, moved: int = 1) -> None:
        self.rowcount = moved
        self.told: list[str] = []

    @contextmanager
    def transaction(self) -> Iterator[Tables]:
        yield self

    def execute(self, statement: str, _parameters: object = None) -> Tables:
        self.told.append(statement)
        return self

    def fetchone(self) -> tuple[float]:
        return (1000.0,)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return []


class OneBatch:
    """Decides the one event so that these records come of it."""

    def __init__(self, made: Sequence[OutputRecord]) -> None:
        self._made = made

    def understand(self, events: list[RawEvent]) -> list[RawEvent]:
        return events

    def commit(self, owned: dict[tuple[str, int], OwnedPartition], _events: list[RawEvent]) -> Iterator[Committed]:
        owned[RAW].next_offset = 11
        yield Committed(records=list(self._made))


class Rebuilding(Rebuilder):
    """Reads one raw event."""

    def _log(self, _open: ExitStack, _lost: Lost) -> Iterator[RawEvent]:
        yield RawEvent(*RAW, 10, None, b"{}", [], 1, 1)


def rebuild(
    made: Sequence[OutputRecord],
    published: Sequence[OutputRecord],
    step: Rebuild = STEP,
    moved: int = 1,
    unknown: Mapping[tuple[str, int], str] = MappingProxyType({}),
) -> Tables:
    """Gives the database after offset 10 was decided again; `unknown` partitions have no position yet."""
    tables = Tables(moved)
    visible = [
        Published(
            record_id(one), Cause.parse(dict(one.headers)["ordergate_cause"]), digest(one.key, one.value, one.headers)
        )
        for one in published
    ]
    outputs = SimpleNamespace(published_since=lambda _since: visible)
    Rebuilding(
        "unused", "group", cast("Database", tables), cast("BatchProcessor", OneBatch(made)), cast("OutputLog", outputs)
    ).rebuild(step, {} if unknown else {RAW: 1}, unknown)
    return tables


OF_ORDER, OF_PARKED = change(1, 10), change(2, 5)


def test_what_was_parked_before_the_backup_and_released_after_it_is_made_again():
    """The order came in the lost time, and with it the refund that had waited for it since before the backup."""
    rebuild([OF_ORDER, OF_PARKED], [OF_ORDER, OF_PARKED])


@pytest.mark.parametrize("published", [[OF_ORDER], [OF_ORDER, change(2, 5)._replace(value=b"other")]])
def test_what_was_released_has_to_be_what_was_published(published):
    """The release of a parked event is compared as all else."""
    with pytest.raises(RebuildDiffers):
        rebuild([OF_ORDER, OF_PARKED], published)


def test_what_was_published_long_before_is_none_of_the_lost():
    """Outputs of the minutes before the backup are in the database: they need not be made again."""
    rebuild([OF_ORDER], [OF_ORDER, change(7, 3)])


def test_a_take_over_at_the_end_is_told_as_one():
    """Nobody looks for a difference in the outputs when a worker was started too early."""
    with pytest.raises(TakenOver, match="was taken over"):
        rebuild([OF_ORDER], [OF_ORDER], moved=0)


def test_a_raw_log_that_ends_too_early_is_told_as_such():
    """The log has lost what was published: the operator is sent to the log, and not to another version."""
    with pytest.raises(RawLogTooShort, match="raw/0 ends before offset 12"):
        rebuild([OF_ORDER], [OF_ORDER], Rebuild((Lost(*RAW, 10, 12, 4, 3),)))


def test_a_new_database_has_positions_only_once_all_is_made_again():
    """A position that outlives a rebuild rolled back would let the next worker publish everything a second time."""
    step = Rebuild((Lost(*RAW, 10, 11, 1, 0),))
    told = rebuild([OF_ORDER], [OF_ORDER], step, unknown={RAW: "id"}).told
    assert told.index("SET LOCAL statement_timeout = 0") < told.index(positions._CREATE)


def test_a_rebuild_has_no_time_limit():
    """A day is decided again in one transaction, whose statements may take longer than a worker's."""
    assert "SET LOCAL statement_timeout = 0" in rebuild([OF_ORDER], [OF_ORDER]).told


def test_a_raw_log_that_gives_nothing_ends_the_rebuild(monkeypatch: pytest.MonkeyPatch):
    """A partition without a leader does not keep an operator and a transaction waiting for ever."""
    silent = SimpleNamespace(assign=lambda _places: None, consume=lambda _most, _timeout: [], close=lambda: None)
    monkeypatch.setattr(rebuild_module, "Consumer", lambda _config: silent)
    monkeypatch.setattr(rebuild_module, "_PATIENCE_S", 0.0)
    rebuilder = Rebuilder("unused", "group", *[cast("Any", None)] * 3)
    with ExitStack() as opened, pytest.raises(RawLogUnreadable, match="raw/0 gives no event from offset 10"):
        list(rebuilder._log(opened, STEP.lost[0]))
