"""The events and rows of the growth benchmark are what its page says they are."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from bench.growth import lives
from bench.growth.filling import fill
from bench.growth.history import change
from bench.growth.purging import drop_oldest
from bench.in_memory import InMemoryWorker, batches
from ingest.clock import SystemTime
from ingest.database.connection import connect
from ingest.database.migrate import migrate
from ingest.database.retention import maintain, ranges
from ingest.demo.records import RawRecord
from ingest.demo.stream import TOPICS
from ingest.worker.phases import Phases
from producers.topics import ORDERS, QUARANTINE

DAY = timedelta(days=1)
TABLES = ranges(journal=2 * DAY, outcomes=30 * DAY, findings=30 * DAY, event_ids=7 * DAY)


def _govern(records: list[RawRecord]) -> list:
    worker = InMemoryWorker(Phases(SystemTime()))
    now = max(record.timestamp_ms for record in records) * 1000
    return [output for batch in batches(records, 50) for output in worker.take(batch, now)]


def test_what_is_stored_and_what_happens_later_are_told_apart():
    """Every stored order is placed by its first part alone, and each later event is about an order that is known."""
    stored = lives.placed(7, 60)
    before = [record for life in stored for record in life.before]
    assert len({order.key for order in _govern(before) if order.topic == ORDERS.name}) == 60
    everything = before + [record for life in stored for record in life.after]
    outputs = _govern(everything)
    assert not [output for output in outputs if output.topic == QUARANTINE.name]
    assert len({order.key for order in outputs if order.topic == ORDERS.name}) == 60


def test_mixing_keeps_each_story_in_its_own_order():
    """A change never overtakes the one before it, and nothing is lost or doubled."""
    stories = [[(story, number) for number in range(size)] for story, size in enumerate((3, 0, 5, 1))]
    mixed = lives.mixed(1, stories)
    assert mixed != [one for story in stories for one in story]
    for number, story in enumerate(stories):
        assert [one for one in mixed if one[0] == number] == story


def test_a_change_is_governed_and_leaves_the_order_as_large_as_it_was():
    """The cost of the nth change is the cost of its age: no order grows by its changes."""
    placed = next(life.before[-1] for life in lives.placed(7, 20) if life.before[-1].topic == TOPICS["web"])
    body = orjson.loads(placed.value)
    orders = [one for one in _govern([change(body, n) for n in range(120)]) if one.topic == ORDERS.name]
    assert len(orders) == 120, "every change is a version"
    sizes = {len(order.value) for order in orders[1:]}
    assert max(sizes) - min(sizes) <= 8, "but for the digits of version and position"


def _insert(url: str, orders: int) -> None:
    """Rows as plain as the tables allow, with an outcome and two event ids each."""
    with connect(url) as connection:
        connection.execute(
            """INSERT INTO orders SELECT gen_random_uuid(), 'web', 'eu', left(md5(n::text), 16), 'W-' || n, 1, 1, 1, 1,
               'd', 'h', 'OPEN', 'PAID', 'NONE', 'state', 't', 0, 1, now()
               FROM generate_series(1, %s) AS n""", (orders,)
        )  # fmt: skip
        connection.execute(
            """INSERT INTO outcomes SELECT 't', 0, row_number() OVER (), 'GOVERNED', 'web', 'k', order_id, 1, NULL, 2,
               now() FROM orders"""
        )
        connection.execute("INSERT INTO event_ids SELECT sha256(n::text::bytea), now() FROM generate_series(1, 20) n")


def _indexes(url: str) -> Counter:
    with connect(url) as connection:
        return Counter(
            row[0] for row in connection.execute("SELECT indexdef FROM pg_indexes WHERE schemaname='public'")
        )


@pytest.mark.stack
def test_filled_tables_hold_the_real_rows_among_their_copies(database_url: str):
    """Real orders are found under their own keys, spread over the table; every index is there again."""
    migrate(database_url, TABLES)
    _insert(database_url, 10)
    fill(database_url, TABLES, 1)  # makes the partitions of the past, and no copy
    before = _indexes(database_url)
    with connect(database_url) as connection:
        real = connection.execute("SELECT order_id, source_order_id, state FROM orders").fetchall()
    filled = fill(database_url, TABLES, 400)
    assert _indexes(database_url) == before
    with connect(database_url) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT source_order_id) FROM orders").fetchone() == (
            4000,
            4000,
        )
        found = connection.execute(
            "SELECT order_id, source_order_id, state FROM orders WHERE order_id = ANY(%s)", ([row[0] for row in real],)
        ).fetchall()
        assert sorted(found) == sorted(real)
        pages = connection.execute(
            "SELECT count(DISTINCT (ctid::text::point)[0]) FROM orders WHERE order_id = ANY(%s)",
            ([r[0] for r in real],),
        ).fetchone()
        assert pages == (10,), "no two of them share a page"
        kept = connection.execute("SELECT count(*), count(DISTINCT recorded_at::date) > 20 FROM outcomes").fetchone()
        assert kept == (10 * round(400 * 30 / 365), True), "a month's outcomes of a year's orders, over the month"
        assert connection.execute("SELECT count(*) FROM event_ids").fetchone() == (20 * round(400 * 7 / 365),)
    assert filled["orders"].rows == 4000 and filled["orders"].bytes > 4000 * 100


@pytest.mark.stack
def test_purging_drops_one_partition_at_a_time_and_never_the_present(database_url: str):
    """What the benchmark drops is old, the oldest first; the load's own rows stay."""
    migrate(database_url, TABLES)
    outcomes = next(one for one in TABLES if one.table == "outcomes")
    _insert(database_url, 3)
    with connect(database_url) as connection:
        for days in (2, 1):
            with connection.transaction():
                maintain(connection, [outcomes], datetime.now(UTC) - days * DAY)
        first, second, nothing = (drop_oldest(connection, outcomes) for _ in range(3))
        assert (len(first), len(second), nothing) == (1, 1, [])
        assert first < second
        assert connection.execute("SELECT count(*) FROM outcomes").fetchone() == (3,)
