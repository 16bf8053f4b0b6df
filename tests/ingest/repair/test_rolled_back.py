"""An output that no journal row has is aborted only where the database certainly never kept its decision."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ingest.database import journal, positions
from ingest.database.connection import connect
from ingest.database.journal import JournalRow
from ingest.database.migrate import migrate
from ingest.database.retention import ranges
from ingest.repair.decisions import was_rolled_back
from ingest.repair.true_order import Cause

pytestmark = pytest.mark.stack

KEY = ("raw.web.orders.v1", 0)
POSITION = 7


@pytest.mark.parametrize(
    ("offset", "committed_offset", "rolled_back"),
    [
        pytest.param(POSITION, POSITION, True, id="not decided"),
        pytest.param(POSITION, POSITION + 1, False, id="not decided, and published: the database is behind Kafka"),
        pytest.param(POSITION, None, False, id="not decided, and nobody knows what is published"),
        pytest.param(6, POSITION, True, id="decided otherwise"),
        pytest.param(3, POSITION, False, id="decided, and its row is gone by now"),
    ],
)
def test_what_may_have_been_published_is_left_alone(
    database_url: str, offset: int, committed_offset: int | None, rolled_back: bool
):
    """To abort what a reader has seen in part would lose the rest of it."""
    migrate(database_url, ranges(*[timedelta(days=2)] * 4))
    with connect(database_url) as connection:
        positions.create(connection, *KEY, "topic-id", POSITION)
        journal.append(connection, [JournalRow(*KEY, 2, 5, POSITION, 0, b"")])
        assert was_rolled_back(connection, Cause(KEY, offset), committed_offset) is rolled_back
