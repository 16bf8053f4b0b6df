"""A receipt that is lost is written again as it must have been, and missing rows are published with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consumers.kafka_source import Committed
from ingest.database.journal import JournalRow
from ingest.database.positions import Fence
from ingest.errors import Cause
from ingest.repair.evidence import Evidence, UnknownDecisions, halt_of
from ingest.repair.plan import CommitReceipt, Plan
from ingest.repair.planning import plan_for
from ingest.repair.trail import RowTrace, Visibility
from ingest.worker.receipt import LogBounds
from producers.journal_records import pack

POSITION = Fence(3, 100, 9, "A", "w-0", released=False, published_sequence=7)
NEW = replace(POSITION, sequence=0, published_sequence=0, next_offset=0)
ROWS = tuple(JournalRow("t", 0, n, n * 10, n * 10 + 10, 0, pack([])) for n in (8, 9))
KNOWN = UnknownDecisions(None, complete=True)
LOST = Evidence("t", 0, "A", LogBounds(0, 200), Committed(None, None), POSITION, ROWS, unknown=KNOWN)


def traced(*visible: Visibility) -> tuple[RowTrace, ...]:
    return tuple(RowTrace(8 + number, 3, 3, one) for number, one in enumerate(visible))


def plan(evidence: Evidence) -> Plan:
    halt = halt_of(evidence)
    assert halt is not None
    return plan_for(evidence, halt, [], None)


@pytest.mark.parametrize(
    ("visible", "published"),
    [
        ((Visibility.WHOLE, Visibility.WHOLE), ()),
        ((Visibility.WHOLE, Visibility.NOTHING), (9,)),
        ((Visibility.NOTHING, Visibility.NOTHING), (8, 9)),
        ((Visibility.SILENT, Visibility.SILENT), (8, 9)),
    ],
)
@pytest.mark.parametrize("committed", [Committed(None, None), Committed(40, None), Committed(40, "ordergate:3")])
def test_rows_that_are_not_visible_are_published_with_the_receipt(committed, visible, published):
    """Whatever happened to the receipt, the outputs tell the same story."""
    made = plan(replace(LOST, committed=committed, traces=traced(*visible)))
    assert made.steps == (CommitReceipt(100, 9, published),)
    assert made.hindrance is None


def test_without_rows_in_doubt_no_output_is_needed():
    """After a clean stop everything is noted as published."""
    released = replace(POSITION, released=True, published_sequence=9)
    made = plan(replace(LOST, position=released, rows=()))
    assert made.steps == (CommitReceipt(100, 9, ()),)


@pytest.mark.parametrize(
    "changed",
    [
        {"rows": ROWS[1:], "traces": traced(Visibility.WHOLE)},
        {"traces": None},
        {"traces": traced(Visibility.PARTLY, Visibility.NOTHING)},
        {"traces": traced(Visibility.NOTHING, Visibility.WHOLE)},
    ],
)
def test_nothing_is_published_on_a_guess(changed):
    """Rows missing from the journal, outputs that do not reach back, half a row: a person has to look."""
    made = plan(replace(LOST, **changed))
    assert made.steps == () and made.hindrance


@pytest.mark.parametrize("committed", [Committed(None, None), Committed(100, None), Committed(100, "ordergate:3")])
def test_a_receipt_is_not_made_up_for_a_database_that_is_behind(committed):
    """Somebody moved the offsets of a restored deployment: reading on from there would publish a day twice."""
    restored = replace(LOST, committed=committed, traces=traced(Visibility.WHOLE, Visibility.WHOLE))
    made = plan(replace(restored, unknown=UnknownDecisions(119, complete=True)))
    assert made.steps == () and made.hindrance and "--mode rebuild" in made.hindrance
    assert any("119" in line for line in made.known)


def test_outputs_that_do_not_reach_back_are_a_risk_that_is_told():
    """Nothing shows that the database is not an older one: the person who goes on is told what that would mean."""
    told = plan(replace(LOST, traces=traced(Visibility.WHOLE, Visibility.WHOLE)))
    short = plan(
        replace(
            LOST, traces=traced(Visibility.WHOLE, Visibility.WHOLE), unknown=UnknownDecisions(None, complete=False)
        )
    )  # fmt: skip
    assert told.steps == short.steps and "nothing" in told.risk[0] and "twice" in short.risk[0]


@pytest.mark.parametrize(
    ("evidence", "cause"),
    [
        (replace(LOST, committed=None), Cause.OFFSET_UNSTABLE),
        (replace(LOST, position=None, committed=Committed(50, "ordergate:4")), Cause.DATABASE_BEHIND),
        (replace(LOST, position=NEW, rows=(), topic_id="B"), Cause.TOPIC_REMADE),
    ],
)
def test_what_a_worker_finds_out_only_by_waiting_is_a_halt_too(evidence, cause):
    """The command sees every halt that a worker has."""
    halt = halt_of(evidence)
    assert halt is not None and halt.cause is cause


@pytest.mark.parametrize(
    "evidence",
    [
        replace(LOST, position=None),
        replace(LOST, position=NEW, rows=()),
        replace(LOST, committed=Committed(80, "ordergate:7")),
        replace(LOST, committed=Committed(100, "ordergate:9")),
    ],
)
def test_what_a_worker_goes_on_with_needs_no_repair(evidence):
    """New partitions, and rows that the journal will publish."""
    assert halt_of(evidence) is None
