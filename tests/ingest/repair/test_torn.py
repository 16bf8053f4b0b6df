"""A transaction that hangs gets the end that its other parts have, and none while that is not certain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingest.errors import Cause
from ingest.repair.broker_state import Batch, CoordinatorView, ends_of
from ingest.repair.hanging import offsets_partition
from ingest.repair.planning import plan_for_readers
from ingest.repair.torn import CarriedRow, End, EndTransaction, HangingTransaction, end_of, plan_ends

ROW = CarriedRow("raw", 1, 7, receipted=False, records=6, committed=0, published_again=False)
HANGING = HangingTransaction(42, 3, 9, (("__consumer_offsets", 5), ("out", 0)), None, (ROW,), (("raw", 1),))


def view(state: str, epoch: int = 3) -> CoordinatorView:
    return CoordinatorView("ordergate-0", 42, epoch, state)


@pytest.mark.parametrize(
    ("changed", "coordinator", "end"),
    [
        ({}, None, End.ABORT),
        ({"committed": 2}, None, End.COMMIT),
        ({"receipted": True}, None, End.COMMIT),
        ({"receipted": True, "committed": 1, "published_again": True}, None, End.ABORT),
        ({}, view("CompleteCommit"), End.COMMIT),
        ({}, view("CompleteCommit", epoch=4), End.ABORT),
        ({}, view("CompleteAbort"), End.ABORT),
        ({"committed": 2}, view("CompleteAbort"), End.COMMIT),
        ({}, view("Empty", epoch=4), End.ABORT),
        ({"sequence": None}, None, None),
        ({"sequence": None}, view("CompleteCommit"), None),
        ({"sequence": None, "rolled_back": True}, None, End.ABORT),
        ({"sequence": None, "rolled_back": True}, view("CompleteAbort"), End.ABORT),
        ({"sequence": None, "rolled_back": True}, view("CompleteCommit"), None),
        ({}, view("Ongoing"), None),
        ({"committed": 2}, view("PrepareCommit"), None),
        ({}, view("Ongoing", epoch=4), End.ABORT),
    ],
)
def test_what_is_committed_anywhere_is_committed_everywhere(changed, coordinator, end):
    """The rule that keeps the journal from publishing twice, or from losing what readers have seen."""
    one = replace(HANGING, rows=(replace(ROW, **changed),), coordinator=coordinator)
    assert end_of(one)[0] is end


def test_a_row_that_is_committed_decides_for_all_rows_of_its_transaction():
    """A transaction carries rows of several partitions, some without records: they share its end."""
    silent = replace(ROW, partition=2, records=0)
    assert end_of(replace(HANGING, rows=(silent, replace(ROW, committed=1))))[0] is End.COMMIT


def test_nothing_is_ended_that_contradicts_itself():
    """A part committed and another published again: no end makes both true."""
    again = replace(ROW, committed=1, published_again=True)
    assert end_of(replace(HANGING, rows=(again, replace(ROW, sequence=6, committed=2))))[0] is None


def test_a_plan_ends_all_or_nothing():
    """One transaction that cannot be decided keeps the others open too: they hold back the same partition."""
    known = plan_ends(("raw", 1), Cause.OFFSET_UNSTABLE, [], [HANGING])
    assert known.steps == (EndTransaction(42, 3, 9, End.ABORT, HANGING.partitions),)
    ongoing = replace(HANGING, producer_id=43, coordinator=view("Ongoing"))
    mixed = plan_ends(("raw", 1), Cause.OFFSET_UNSTABLE, [], [HANGING, ongoing])
    assert mixed.steps == () and mixed.hindrance
    assert plan_ends(("raw", 1), Cause.OFFSET_UNSTABLE, [], []).hindrance


def test_readers_get_a_plan_of_their_own_only_when_no_partition_has_one():
    """The same marker is not planned twice."""
    made = plan_ends(("raw", 1), Cause.OFFSET_UNSTABLE, [], [HANGING])
    alone = replace(HANGING, partitions=(("out", 4),), holds_back=())
    assert [plan.name for plan in plan_for_readers([HANGING, alone], [made])] == ["out/4"]


def batch(first: int, producer_id: int = 1, *, commits: bool | None = None, transactional: bool = True) -> Batch:
    return Batch(first, first + 1, producer_id, 0, transactional, commits, compressed=False, records=b"")


def test_a_marker_ends_the_batches_of_its_producer_alone():
    """Transactions of several producers lie among each other in a log."""
    log = [batch(0, 1), batch(2, 2), batch(4, 1, commits=False), batch(6, 1), batch(8, 2, commits=True)]
    log.append(batch(10, 3, transactional=False))
    assert ends_of(log) == {(0, 1): False, (2, 3): True, (6, 7): None, (10, 11): True}


@pytest.mark.parametrize(
    ("group", "partition"),
    [("hello", 99162322 % 50), ("Hello World", 862545276 % 50), ("polygenelubricants", 0), ("", 0)],
)
def test_a_groups_offsets_are_where_java_puts_them(group, partition):
    """Hash codes that Java programmers know by heart: 99162322, -862545276, and the smallest integer."""
    assert offsets_partition(group, 50) == partition
