"""A raw log or a journal that is not what it was: nothing is accepted without a person, and the loss is exact."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consumers.kafka_source import Committed
from ingest.database.journal import JournalRow
from ingest.database.positions import Fence
from ingest.errors import Cause
from ingest.repair.evidence import EventOutputs, Evidence, Resumption, UnknownDecisions, halt_of
from ingest.repair.journal_gap import NoteGap, missing_between
from ingest.repair.plan import CommitReceipt, Mode, Plan
from ingest.repair.planning import plan_for
from ingest.repair.raw_log import SkipGap, StartAnew
from ingest.repair.trail import RowTrace, Visibility
from ingest.worker.receipt import LogBounds
from producers.journal_records import pack


def row(sequence: int, base: int, following: int) -> JournalRow:
    return JournalRow("raw", 0, sequence, base, following, 0, pack([]))


def traced(*rows: JournalRow, found: Visibility = Visibility.NOTHING) -> tuple[RowTrace, ...]:
    return tuple(RowTrace(one.sequence, 3, 0, found) for one in rows)


POSITION = Fence(3, 100, 9, "A", "w-0", released=False, published_sequence=8)
NEWEST = row(9, 90, 100)
SOUND = Evidence(
    "raw", 0, "A", LogBounds(0, 200), Committed(90, "ordergate:8"), POSITION, (NEWEST,), traces=traced(NEWEST),
    unknown=UnknownDecisions(None, complete=True), resumption=Resumption(93, 1.5),
)  # fmt: skip


GONE = "the log lost its end: events from offset 100 on are gone unread, if there were any"
UNREAD = (
    f"{GONE}; events written since with a "
    "timestamp up to the last decision (1970-01-01T00:00:01.500+00:00), if there are any, lie below offset 93 and are "
    "not decided"
)


def plan(evidence: Evidence, cause: Cause, mode: Mode | None) -> Plan:
    halt = halt_of(evidence)
    assert halt is not None and halt.cause is cause
    return plan_for(evidence, halt, [], mode)


@pytest.mark.parametrize(
    ("changed", "cause", "mode", "steps"),
    [
        (
            {"topic_id": "B", "committed": Committed(None, None), "bounds": LogBounds(0, 7)},
            Cause.TOPIC_REMADE, Mode.RESTART_TOPIC, (CommitReceipt(100, 9, (9,)), StartAnew("B", 0, 0)),
        ),
        (
            {"bounds": LogBounds(0, 95)},
            Cause.OUTSIDE_LOG, Mode.CONTINUE_AT_END,
            (CommitReceipt(100, 9, (9,)), StartAnew("A", 93, 93, NoteGap(93, 100, UNREAD))),
        ),
        (
            {"bounds": LogBounds(0, 200, 91)},
            Cause.END_REPLACED, Mode.CONTINUE_AT_END,
            (CommitReceipt(100, 9, (9,)), StartAnew("A", 91, 91, NoteGap(91, 100, GONE))),
        ),
        (
            {"bounds": LogBounds(0, 95, 91)},
            Cause.OUTSIDE_LOG, Mode.CONTINUE_AT_END,
            (CommitReceipt(100, 9, (9,)), StartAnew("A", 91, 91, NoteGap(91, 100, GONE))),
        ),
        ({"bounds": LogBounds(120, 200)}, Cause.OUTSIDE_LOG, Mode.SKIP_TO_START, (SkipGap(100, 120, "A"),)),
    ],
)  # fmt: skip
def test_the_fitting_mode_and_no_other_moves_the_position(changed, cause, mode, steps):
    """A person who names another loss than there is changes nothing, and sees the choice."""
    evidence = replace(SOUND, **changed)
    assert plan(evidence, cause, mode).steps == steps
    for other in (None, *(one for one in Mode if one is not mode)):
        told = plan(evidence, cause, other)
        assert told.steps == () and told.choices == (mode,) and told.risk


def test_a_log_that_grows_while_it_is_repaired_keeps_its_plan():
    """On a live topic the plan that is carried out is the one that was shown."""
    plans = [
        plan(replace(SOUND, bounds=LogBounds(0, high)), Cause.OUTSIDE_LOG, Mode.CONTINUE_AT_END) for high in (95, 98)
    ]
    assert plans[0].steps == plans[1].steps
    plans = [
        plan(replace(SOUND, bounds=LogBounds(0, high, 91)), cause, Mode.CONTINUE_AT_END)
        for high, cause in ((99, Cause.OUTSIDE_LOG), (100, Cause.END_REPLACED))
    ]
    assert plans[0].steps == plans[1].steps


def test_where_nothing_tells_when_the_last_decision_was_the_gap_says_so():
    """Journal and outcomes are gone with their time: what was written since is not known by its timestamp."""
    old = replace(SOUND, bounds=LogBounds(0, 95), resumption=Resumption(95, None))
    told = plan(old, Cause.OUTSIDE_LOG, Mode.CONTINUE_AT_END)
    assert any("below offset 95, if there are any, are not decided" in line for line in told.risk)


@pytest.mark.parametrize("bounds", [LogBounds(120, 200), LogBounds(0, 95), LogBounds(0, 200, 91)])
@pytest.mark.parametrize("mode", [None, *Mode])
def test_nothing_is_skipped_that_a_newer_database_knows(bounds, mode):
    """Kafka has receipts of rows that the database lost: first the database, then the log."""
    behind = replace(SOUND, committed=Committed(150, "ordergate:12"), bounds=bounds)
    halt = halt_of(behind)
    assert halt is not None and halt.cause in (Cause.OUTSIDE_LOG, Cause.END_REPLACED)
    told = plan_for(behind, halt, [], mode)
    assert told.steps == () and told.hindrance


@pytest.mark.parametrize(
    "changed",
    [
        {"topic_id": "B"}, {"bounds": LogBounds(120, 200)}, {"bounds": LogBounds(0, 95)},
        {"bounds": LogBounds(0, 200, 91)},
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", [None, *Mode])
def test_outputs_tell_of_a_newer_database_when_the_receipt_does_not(changed, mode):
    """The group is gone, too: the log is not left while outputs are visible that nobody here has decided."""
    behind = replace(SOUND, committed=Committed(None, None), unknown=UnknownDecisions(119, complete=True), **changed)
    halt = halt_of(behind)
    assert halt is not None
    told = plan_for(behind, halt, [], mode)
    assert told.steps == () and told.hindrance


def test_outputs_that_do_not_reach_back_are_a_risk_of_leaving_a_log():
    """A person who moves a position is told what cannot be shown."""
    short = replace(SOUND, bounds=LogBounds(120, 200), unknown=UnknownDecisions(None, complete=False))
    assert any("twice" in line for line in plan(short, Cause.OUTSIDE_LOG, Mode.SKIP_TO_START).risk)
    short = replace(short, bounds=LogBounds(0, 95))
    assert any("twice" in line for line in plan(short, Cause.OUTSIDE_LOG, Mode.CONTINUE_AT_END).risk)


def test_a_log_is_not_left_while_its_rows_are_in_doubt():
    """What was decided on the old log is published first, or nothing is done."""
    doubtful = replace(SOUND, topic_id="B", traces=traced(NEWEST, found=Visibility.PARTLY))
    told = plan(doubtful, Cause.TOPIC_REMADE, Mode.RESTART_TOPIC)
    assert told.steps == () and told.hindrance


@pytest.mark.parametrize(
    ("rows", "missing"),
    [
        ([row(8, 50, 60), row(9, 60, 70)], []),
        ([], [range(50, 70)]),
        ([row(9, 60, 70)], [range(50, 60)]),
        ([row(8, 50, 60)], [range(60, 70)]),
        ([row(7, 40, 50), row(9, 65, 70)], [range(50, 65)]),
    ],
)
def test_the_gap_in_a_journal_is_exact(rows, missing):
    """From the receipt's offset to the position's, without what the rows there are cover."""
    assert missing_between(rows, (50, 7), (70, 9)) == missing


GAP = replace(SOUND, committed=Committed(80, "ordergate:7"), position=replace(POSITION, published_sequence=7))
VISIBLE, LOST = EventOutputs(81, 3, 3), EventOutputs(85, 3, 0)


def test_a_gap_that_is_published_needs_nobody():
    """All outputs of the events in it are visible: the receipt is written, newer rows are published."""
    told = plan(replace(GAP, unjournalled=(VISIBLE,)), Cause.JOURNAL_GAP, None)
    assert told.steps == (CommitReceipt(100, 9, (9,)),)


def test_a_gap_that_nobody_has_is_accepted_by_a_person():
    """The events are named before, and noted before anything makes the gap unseen."""
    gap = replace(GAP, unjournalled=(VISIBLE, LOST))
    undecided = plan(gap, Cause.JOURNAL_GAP, None)
    assert undecided.choices == (Mode.ACCEPT_GAP,) and any("offsets 85" in line for line in undecided.risk)
    note, settle = plan(gap, Cause.JOURNAL_GAP, Mode.ACCEPT_GAP).steps
    assert settle == CommitReceipt(100, 9, (9,))
    assert isinstance(note, NoteGap) and (note.first_offset, note.next_offset) == (85, 86)


@pytest.mark.parametrize(
    "changed", [{}, {"unjournalled": (VISIBLE,), "traces": traced(NEWEST, found=Visibility.PARTLY)}]
)
def test_a_gap_that_cannot_be_looked_into_is_left(changed):
    """Outputs that do not reach back, or half a row, prove nothing."""
    told = plan(replace(GAP, **changed), Cause.JOURNAL_GAP, Mode.ACCEPT_GAP)
    assert told.steps == () and told.hindrance
