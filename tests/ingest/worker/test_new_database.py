"""A database that knows nothing is told from a first deployment by what the output topics hold."""

from __future__ import annotations

import pytest

from ingest.database import positions
from ingest.database.output_ends import OutputEnd
from ingest.worker.new_database import halt, unknown_outputs
from tests.ingest.worker.postgres import database, server

EMPTY = [OutputEnd("oms.orders.v1", 0, "A", 0), OutputEnd("oms.orders.v1", 1, "A", 0)]
WRITTEN = [OutputEnd("oms.orders.v1", 0, "A", 7), OutputEnd("oms.orders.v1", 1, "A", 0)]
ELSEWHERE = [OutputEnd("oms.orders.v1", 0, "B", 9)]


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        ([], EMPTY, ()),
        ([], WRITTEN, (WRITTEN[0],)),
        (EMPTY, WRITTEN, (WRITTEN[0],)),
        (ELSEWHERE, WRITTEN, (WRITTEN[0],)),
        (WRITTEN, WRITTEN, ()),
        (WRITTEN, [OutputEnd("oms.orders.v1", 1, "A", 3), *WRITTEN], ()),
    ],
)
def test_only_output_logs_that_nobody_knows_are_strange(before, now, found):
    """A first deployment on new topics starts without a word; so does one that was told that others write there."""
    with database(server()).transaction() as connection:
        assert unknown_outputs(connection, before, now) == found


def test_a_database_that_has_a_position_is_not_new():
    """A channel or a partition that is added later starts as ever, whatever is remembered."""
    with database(server()).transaction() as connection:
        positions.create(connection, "raw.web.orders.v1", 0, "id", 0)
        assert unknown_outputs(connection, [], WRITTEN) == ()


def test_the_operator_is_told_which_database_and_which_topics():
    """Most often one of the two is the wrong one: that comes before any repair."""
    told = halt(("raw", 3), "db:5432/ordergate", WRITTEN)
    assert "oms.orders.v1" in told.known and "db:5432/ordergate" in told.known
    assert told.do.startswith("is DATABASE_URL or ORDERGATE_GROUP_ID wrong") and "ordergate recover raw/3" in told.do
