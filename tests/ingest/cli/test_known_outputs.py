"""A database that knows nothing before outputs that hold records is told before a worker halts on it."""

from __future__ import annotations

from ingest.cli.known_outputs import judged_outputs
from ingest.cli.looked import Verdict
from ingest.database.output_ends import OutputEnd

ADDRESS = "db.example:5432/orders"
WRITTEN = [OutputEnd("oms.orders.v1", 1, "id", 7), OutputEnd("oms.quarantine.v1", 0, "id", 1)]


def test_records_that_the_database_knows_nothing_of_are_unsafe_with_reason_and_command() -> None:
    """Whoever moved a database, or mistyped its address, reads which topics hold what, and how to go on."""
    told = judged_outputs(ADDRESS, WRITTEN, 0)
    assert told.verdict is Verdict.UNSAFE and told.subject == ADDRESS
    assert "oms.orders.v1, oms.quarantine.v1" in told.found
    assert "a second time" in told.why
    assert "`ordergate recover`" in told.do and "DATABASE_URL" in told.do


def test_a_first_start_and_a_deployment_at_work_are_in_order() -> None:
    """Neither a new deployment nor one with its database is alarmed."""
    assert {judged_outputs(ADDRESS, (), known).verdict for known in (0, 6)} == {Verdict.OK}
