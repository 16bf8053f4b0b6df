"""A new database before outputs that hold records: a person says whose they are, and each answer does just that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consumers.kafka_source import Committed
from ingest.database.output_ends import OutputEnd
from ingest.errors import Cause as HaltCause
from ingest.repair.behind import Lost, Rebuild
from ingest.repair.evidence import Evidence, halt_of
from ingest.repair.new_database import (
    AcceptOutputs,
    GiveReceipts,
    GoOnAtEnds,
    as_published,
    newest_published,
    plan_new_database,
)
from ingest.repair.plan import Mode, Plan
from ingest.repair.true_order import Cause
from ingest.worker.new_database import halt
from ingest.worker.receipt import LogBounds

A, B, C = ("raw", 0), ("raw", 1), ("raw", 2)
HALT = halt(A, "db:5432/ordergate", [OutputEnd("oms.orders.v1", 0, "id", 12)])
EVIDENCE = Evidence(*B, "A", LogBounds(0, 200), Committed(None, None), None, ())


def plan(mode: Mode | None, published: list[Evidence] | None = None) -> Plan:
    return plan_new_database(
        A, HALT, [A, B, C], [as_published(EVIDENCE, 149)] if published is None else published, mode
    )


@pytest.mark.parametrize("mode", [None, Mode.ACCEPT_GAP, Mode.PUBLISH_AGAIN, Mode.RESTART_TOPIC, Mode.SKIP_TO_START])
def test_nothing_is_done_before_a_person_has_said_whose_the_records_are(mode):
    """Every answer is there to choose, with what it risks."""
    told = plan(mode)
    assert told.steps == () and told.cause is HaltCause.DATABASE_NEW
    assert told.choices == (Mode.REBUILD, Mode.CONTINUE_AT_END, Mode.PUBLISH_FROM_START)
    assert all(any(f"--mode {mode}" in risk for risk in told.risk) for mode in told.choices)


def test_each_answer_is_carried_out_once_for_all_partitions():
    """A database with one position is new no more: the other partitions would start from their logs' starts."""
    lost = (Lost(*B, 0, 150, 1, 0),)
    assert plan(Mode.REBUILD).steps == (Rebuild(lost), GiveReceipts(lost))
    assert plan(Mode.REBUILD).name == "raw/0"
    assert plan(Mode.CONTINUE_AT_END).steps == (GoOnAtEnds((A, B, C)),)
    assert plan(Mode.PUBLISH_FROM_START).steps == (AcceptOutputs(),)


def test_what_the_raw_log_no_longer_has_is_not_rebuilt():
    """A log whose first events are gone cannot make again what came of them."""
    short = replace(EVIDENCE, bounds=LogBounds(3, 200))
    told = plan(Mode.REBUILD, [as_published(short, 149)])
    assert told.steps == () and told.hindrance


def test_records_of_others_alone_are_nothing_to_rebuild():
    """Another deployment's raw topics caused them all."""
    told = plan(Mode.REBUILD, [])
    assert told.steps == () and told.hindrance and "another mode" in told.hindrance


def test_a_rebuild_reaches_to_the_newest_event_that_the_outputs_show():
    """Of each partition by itself; other deployments' partitions are none of it."""
    causes = [Cause(A, 3), Cause(B, 9), Cause(A, 2), Cause(("other", 0), 50)]
    assert newest_published(causes, {A, B, C}) == {A: 3, B: 9}


def test_what_the_outputs_show_stands_for_a_receipt():
    """The same repair as for a database that is behind its receipts."""
    shown = halt_of(as_published(EVIDENCE, 149))
    assert shown is not None and shown.cause is HaltCause.DATABASE_BEHIND
