"""Columns reach PostgreSQL as they are: every value, null and empty column."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.database.columns import columns
from ingest.database.connection import connect

pytestmark = pytest.mark.stack

ROUND_TRIP = "SELECT * FROM unnest(%b::text[], %b::bigint[], %b::int[], %b::bytea[]) AS u"
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
row = st.tuples(
    st.none() | text,
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | st.binary(max_size=600),
)


@pytest.fixture
def connection(database_url: str):
    with connect(database_url) as opened:
        yield opened


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(row, min_size=1, max_size=20))
def test_columns_come_back_as_they_were(connection, rows):
    """What a batch writes is what PostgreSQL stores, whatever characters, sizes and nulls it has."""
    assert connection.execute(ROUND_TRIP, columns(ROUND_TRIP, rows)).fetchall() == rows


def test_no_rows_are_no_parameters():
    """A statement without rows is not run."""
    assert columns(ROUND_TRIP, []) == []
