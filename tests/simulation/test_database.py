"""The simulated PostgreSQL answers like the real one: the same statements, with the same random data, on both."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psycopg
import pytest

from ingest.database import journal, positions, retention
from ingest.database import statements as sql
from ingest.database.columns import Blobs, Texts, columns
from ingest.database.connection import connect
from ingest.database.migrate import migrate
from ingest.raw_event import pack_headers
from tests.simulation.database import Blocked, Server, Session
from tests.simulation.statements import prepare
from tests.simulation.world import World

pytestmark = pytest.mark.stack

TABLES = retention.ranges(*[timedelta(days=30)] * 4)
TOPICS = ("raw.a", "raw.b")


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


class Simulated:
    """One session on the simulated server, in one transaction."""

    def __init__(self) -> None:
        self.server = Server(World(1))
        today = datetime(2020, 1, 1, tzinfo=UTC)
        for table in TABLES:
            row = {"table": table.table, "begin": today, "end": today + timedelta(days=10_000)}
            self.server.tables["partitions"][table.table,] = row
        self.session: Session = self.server.connect("test")

    def execute(self, query: str, parameters: Any) -> tuple[list[tuple[Any, ...]], int]:
        self.session.begin()
        try:
            _, attempt = prepare(query, parameters, self.session)
            answer = attempt()
        except psycopg.Error:
            self.session.rollback()
            raise
        self.session.commit()
        return answer


def randomly(random: Random) -> tuple[str, Any]:
    """A statement of the product with parameters from a small range, so that rows meet each other."""

    def key() -> tuple[str, int]:
        return random.choice(TOPICS), random.randint(0, 1)

    def text() -> str | None:
        return random.choice((None, "", "a", "b, c", "ü"))

    def number() -> int:
        return random.randint(0, 3)

    def blob() -> bytes:
        return bytes([number()])

    def some(make: Any, most: int = 3) -> list[Any]:
        """Rows with different keys."""
        made = {row[0] if query_keys == 1 else row[:query_keys]: row for row in (make() for _ in range(most))}
        return list(made.values())

    query_keys = 1

    def order() -> tuple[Any, ...]:
        clock = (number(), number(), number(), blob())
        return (uuid(number()), "web", "shop", "o1", text(), number(), *clock, blob(), "OPEN", "PAID", "NONE", blob(),
                *key(), number())  # fmt: skip

    def session() -> tuple[Any, ...]:
        orders = random.choice(("", uuid(1), f"{uuid(1)},{uuid(2)}"))
        contacts = (text(), text(), text(), text())
        return (uuid(number()), uuid(9), "web", "shop", "ACTIVE", number(), 1, 2, 3, 4, *contacts, orders)

    def guest() -> tuple[Any, ...]:
        return (uuid(number()), number(), number(), random.choice((None, 7)), *key(), number())

    def position() -> tuple[Any, ...]:
        return (*key(), number(), number(), number(), number(), random.choice((None, 3)))

    def parked() -> tuple[Any, ...]:
        headers, deadline = pack_headers([("a", None)]), number() * 1_000_000
        return (*key(), number(), uuid(number()), None, blob(), headers, 5, 1, deadline)

    def event() -> tuple[Any, ...]:
        order_id = random.choice((None, uuid(1)))
        return (*key(), number(), "GOVERNED", "web", text(), order_id, number(), text(), 2)

    def with_keys(query: str, make: Any, keys: int) -> tuple[str, Any]:
        nonlocal query_keys
        query_keys = keys
        return query, columns(query, some(make))

    makers = (
        lambda: with_keys(sql.INSERT_ORDERS, order, 1),
        lambda: with_keys(sql.UPDATE_ORDERS, lambda: (r := order())[:1] + r[4:], 1),
        lambda: with_keys(sql.INSERT_SESSIONS, session, 1),
        lambda: with_keys(sql.UPDATE_SESSIONS, session, 1),
        lambda: with_keys(sql.INSERT_GUESTS, guest, 1),
        lambda: with_keys(sql.UPDATE_GUESTS, guest, 1),
        lambda: with_keys(sql.INSERT_OUTCOMES, event, 3),
        lambda: with_keys(sql.UPDATE_OUTCOMES, lambda: (r := event())[:4] + r[6:], 3),
        lambda: with_keys(sql.INSERT_PARKED, parked, 3),
        lambda: with_keys(sql.DELETE_PARKED, lambda: (*key(), number()), 3),
        lambda: with_keys(sql.INSERT_JOURNAL, lambda: (*key(), number(), 1, 2, 1, blob()), 3),
        lambda: with_keys(sql.ADVANCE_POSITIONS, position, 2),
        lambda: with_keys(positions._NOTE_PUBLISHED, lambda: (*key(), number(), number()), 2),
        lambda: with_keys(sql.LOCK_POSITIONS, key, 2),
        lambda: (positions._CREATE, (*key(), "id", number())),
        lambda: (positions._SEQUENCES, ()),
        lambda: (positions._NOTED_PUBLISHED, key()),
        lambda: (positions._FENCE, (f"owner-{number()}", *key())),
        lambda: (positions._RELEASE, (*key(), number())),
        lambda: (sql.INSERT_EVENT_IDS, (Blobs({blob(), blob()}),)),
        lambda: (sql.READ_EVENT_IDS, (Blobs([blob(), blob()]), timedelta(days=7))),
        lambda: (sql.READ_SESSIONS, (Texts(sorted({uuid(number()), uuid(number())})),)),
        lambda: (sql.READ_ORDERS, (Texts(sorted({uuid(number()), uuid(number())})),)),
        lambda: (sql.READ_GUESTS, (Texts(sorted({uuid(number()), uuid(number())})),)),
        lambda: (sql.READ_PARKED, (Texts(sorted({uuid(number()), uuid(number())})),)),
        lambda: (sql.READ_OVERDUE, (*key(), number() * 1_000_000, 2)),
        lambda: (sql.NEXT_DEADLINE, (number() * 1_000_000, *key())),
        lambda: (journal._AFTER, (*key(), number())),
    )
    return random.choice(makers)()


def answer(execute: Any, query: str, parameters: Any) -> Any:
    """Rows in an order of their own and the count, or the error's class."""
    try:
        rows, count = execute(query, parameters)
    except psycopg.Error as error:
        return type(error).__name__
    ordered = "ORDER BY" in query
    return (rows if ordered else sorted(rows, key=repr)), count if count >= 0 else None


@pytest.mark.parametrize("seed", range(3))
def test_one_session_gets_the_same_answers(database_url: str, seed: int):
    """Every statement of a batch and of a recovery: same rows, same counts, same refusals."""
    migrate(database_url, TABLES)
    simulated, random = Simulated(), Random(seed)
    refused = answered = 0
    with connect(database_url) as connection:

        def execute(query: str, parameters: Any) -> tuple[list[tuple[Any, ...]], int]:
            cursor = connection.execute(query, parameters)
            return (cursor.fetchall() if cursor.description else []), cursor.rowcount

        for step in range(600):
            query, parameters = randomly(random)
            # Both servers give every row the time of its own transaction: a second one would not be refused.
            real, ours = answer(execute, query, parameters), answer(simulated.execute, query, parameters)
            assert ours == real, f"step {step}: {query} {parameters}"
            refused += isinstance(real, str)
            answered += not isinstance(real, str) and bool(real[0])
            simulated.server.world.now += 0.01
    assert refused > 20
    assert answered > 100


def test_a_second_session_waits_and_sees_the_first_ones_row(database_url: str):
    """Row locks: the position's fence waits for a batch under way, and reads what that batch has committed."""
    migrate(database_url, TABLES)
    steps = ("create", "advance", "fence")
    simulated = Simulated()
    simulated.execute(positions._CREATE, ("raw.a", 0, "id", 0))
    first, second = simulated.session, simulated.server.connect("second")
    advance = columns(sql.ADVANCE_POSITIONS, [("raw.a", 0, 0, 0, 7, 0, 5)])
    first.begin()
    prepare(sql.ADVANCE_POSITIONS, advance, first)[1]()
    second.begin()
    _, fence = prepare(positions._FENCE, ("b", "raw.a", 0), second)
    with pytest.raises(Blocked):
        fence()
    first.commit()
    ours = fence()[0]

    with connect(database_url) as one, connect(database_url) as other:
        one.execute(positions._CREATE, ("raw.a", 0, "id", 0))
        got: list[Any] = []
        with one.transaction():
            one.execute(sql.ADVANCE_POSITIONS, advance)
            thread = threading.Thread(
                target=lambda: got.extend(other.execute(positions._FENCE, ("b", "raw.a", 0)).fetchall())
            )
            thread.start()
            thread.join(0.3)
            assert thread.is_alive(), "the fence waits"
        thread.join(10)
    assert ours == got, steps


def test_two_sessions_that_create_the_same_order(database_url: str):
    """A second INSERT of a key waits for the first: refused when that one commits, done when it is undone."""
    migrate(database_url, TABLES)
    rows = [(uuid(1), 1, 1, None, "raw.a", 0, 1)]
    parameters = columns(sql.INSERT_GUESTS, rows)
    for ends in ("commit", "rollback"):
        simulated = Simulated()
        first, second = simulated.session, simulated.server.connect("second")
        first.begin()
        prepare(sql.INSERT_GUESTS, parameters, first)[1]()
        second.begin()
        _, insert = prepare(sql.INSERT_GUESTS, parameters, second)
        with pytest.raises(Blocked):
            insert()
        getattr(first, ends)()
        ours = answer(lambda _query, _parameters, again=insert: again(), sql.INSERT_GUESTS, parameters)

        with connect(database_url) as one, connect(database_url) as other:
            one.execute("BEGIN")
            one.execute(sql.INSERT_GUESTS, parameters)
            got: list[Any] = []

            def insert_too(connection: Any = other, told: list[Any] = got) -> None:
                def execute(query: str, given: Any) -> tuple[list[Any], int]:
                    return [], connection.execute(query, given).rowcount

                told.append(answer(execute, sql.INSERT_GUESTS, parameters))

            thread = threading.Thread(target=insert_too)
            thread.start()
            thread.join(0.3)
            assert thread.is_alive(), "the second one waits"
            one.execute(ends.upper())
            thread.join(10)
            one.execute("DELETE FROM guests")
        assert ours == got[0]
