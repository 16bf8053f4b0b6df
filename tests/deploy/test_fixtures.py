"""What the fixtures of tests/conftest.py promise to every other test."""

import psycopg
import pytest

from deploy.local.stack import Endpoints

pytestmark = pytest.mark.stack


def test_a_test_gets_an_empty_database_of_its_own(stack: Endpoints, database_url: str) -> None:
    """Tests that write the same tables cannot see each other."""
    assert database_url.rpartition("/")[0] == stack.database_url.rpartition("/")[0]
    with psycopg.connect(database_url) as connection:
        name = connection.execute("SELECT current_database()").fetchone()
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert name is not None
    assert name[0].startswith("test_a_test_gets_an_empty_database")
    assert tables == []
