"""What each statement of the product does, on simulated rows.

Set-wise INSERTs and UPDATEs are read from their own text: the columns they name, what they set, what they compare.
The reads have a function each. A statement that is not known here is refused, so nothing passes by mistake.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from psycopg import errors

from ingest.database import journal, positions, retention
from ingest.database import statements as sql
from tests.simulation.database import Blocked, Row, Session

START = datetime(2026, 9, 7, 10, 0, tzinfo=UTC)
"""Simulated time zero."""

KEYS = {
    "positions": ("topic", "partition"),
    "journal": ("topic", "partition", "sequence", "recorded_at"),
    "orders": ("order_id",),
    "guests": ("guest_id",),
    "guest_sessions": ("session_id",),
    "event_ids": ("event_key", "recorded_at"),
    "outcomes": ("topic", "partition", "raw_offset", "recorded_at"),
    "findings": (),
    "parked": ("topic", "partition", "raw_offset"),
    "quarantine": ("topic", "partition", "raw_offset"),
}
"""Primary keys, as ingest/database/tables.py has them; a comparison with the real server would show a difference."""
BY_TIME = ("journal", "event_ids", "outcomes", "findings")
_CLOCKS = ("recorded_at", "updated_at")

Answer = tuple[list[tuple[Any, ...]], int]
Snapshot = dict[str, Any]
"""What a statement saw when it started; it is tried again after each wait, on the same snapshot."""
Handler = Callable[[Session, Sequence[Any], Snapshot], Answer]


def prepare(query: Any, parameters: Sequence[Any], session: Session) -> tuple[str, Callable[[], Answer]]:
    """The statement's name and what the server does with it, to be repeated until it is not blocked."""
    text = query if isinstance(query, str) else query.as_string()
    name, handler = _handler(text)
    snapshot: Snapshot = {}
    return name, lambda: handler(session, parameters, snapshot)


def now(session: Session) -> datetime:
    """now(): when the transaction began."""
    return START + timedelta(seconds=session.began_at)


@cache
def _handler(text: str) -> tuple[str, Handler]:
    if text in _READS:
        return _READS[text]
    for pattern, make in _SHAPES:
        found = pattern.match(text)
        if found is not None:
            return make(found)
    raise AssertionError(f"the simulated PostgreSQL does not know this statement: {text}")


# --- statements that write -------------------------------------------------------------------------------------------


def _insert(found: re.Match[str]) -> tuple[str, Handler]:
    table, columns = found["table"], [name.strip() for name in found["columns"].split(",")]
    given = [column for column in columns if column not in _CLOCKS]
    clocks = [column for column in columns if column in _CLOCKS]

    def insert(session: Session, parameters: Sequence[Any], snapshot: Snapshot) -> Answer:
        instant = now(session)
        if table in BY_TIME:
            _check_partition(session, table, instant)
        for number, values in enumerate(zip(*parameters, strict=True)):
            if number < snapshot.get("done", 0):
                continue
            row = dict(zip(given, values, strict=True)) | dict.fromkeys(clocks, instant)
            if table == "guest_sessions":
                row["order_ids"] = _split(row["order_ids"])
            elif table == "parked":
                row["deadline"] = _instant(row["deadline"])
            key = tuple(row[column] for column in KEYS[table]) or (session.server.number(),)
            session.insert(table, key, row)
            snapshot["done"] = number + 1
        return [], len(parameters[0])

    return f"INSERT {table}", insert


_CREATE_COLUMNS = ("topic", "partition", "topic_id", "next_offset")


def _create(session: Session, parameters: Sequence[Any], _snapshot: Snapshot) -> Answer:
    row = dict(zip(_CREATE_COLUMNS, parameters, strict=True))
    row |= {"epoch": 0, "sequence": 0, "published_sequence": 0, "owner": None, "released": True, "leader_epoch": None}
    try:
        session.insert("positions", (row["topic"], row["partition"]), row)
    except errors.UniqueViolation:
        return [], 0
    return [], 1


def _update(found: re.Match[str]) -> tuple[str, Handler]:
    """UPDATE t AS a SET … FROM unnest(…) AS u(columns) WHERE …: each row of `u` meets at most one of the table."""
    table, names = found["table"], [name.strip() for name in found["columns"].split(",")]
    settings = [_assignment(part) for part in _commas(found["set"])]
    conditions = [_condition(part) for part in re.split(r"\bAND\b", found["where"])]

    def update(session: Session, parameters: Sequence[Any], snapshot: Snapshot) -> Answer:
        givens = [dict(zip(names, values, strict=True)) for values in zip(*parameters, strict=True)]
        if "rows" not in snapshot:
            snapshot["rows"] = session.visible(table)
            snapshot["done"] = {}
        updated = snapshot["done"]
        for given in givens:
            for key, seen in snapshot["rows"]:
                if key in updated or not all(holds(seen, given) for holds in conditions):
                    continue
                row = session.lock(table, key)
                if row is None or not all(holds(row, given) for holds in conditions):
                    continue
                session.put(table, key, row | {column: value(row, given) for column, value in settings})
                updated[key] = None
        return _returned(found["returning"], session, table, list(updated)), len(updated)

    return ("ADVANCE" if table == "positions" else f"UPDATE {table}"), update


def _returned(columns: str | None, session: Session, table: str, keys: list[Any]) -> list[tuple[Any, ...]]:
    if not columns:
        return []
    names = [name.strip().partition(".")[2] for name in columns.split(",")]
    rows = [session.row(table, key) or {} for key in keys]
    return [tuple(row[name] for name in names) for row in rows]


def _assignment(text: str) -> tuple[str, Callable[[Row, Row], Any]]:
    column, _, expression = (part.strip() for part in text.partition("="))
    return column, _expression(expression)


def _expression(text: str) -> Callable[[Row, Row], Any]:
    if text == "now()":
        return lambda _row, _given: None
    if found := re.fullmatch(r"string_to_array\(u\.(\w+), ','\)::uuid\[\]", text):
        name = found[1]
        return lambda _row, given: _split(given[name])
    if found := re.fullmatch(r"greatest\((\S+), (\S+)\)", text):
        left, right = _expression(found[1]), _expression(found[2])
        return lambda row, given: max(left(row, given), right(row, given))
    if found := re.fullmatch(r"CASE WHEN (\S+) > (\S+) THEN (\S+) ELSE (\S+) END", text):
        one, other, yes, no = (_expression(found[number]) for number in range(1, 5))
        return lambda row, given: (yes if one(row, given) > other(row, given) else no)(row, given)
    if found := re.fullmatch(r"u\.(\w+)", text):
        name = found[1]
        return lambda _row, given: given[name]
    if found := re.fullmatch(r"\w\.(\w+)( \+ 1)?", text):
        name = found[1]
        return (lambda row, _given: row[name] + 1) if found[2] else (lambda row, _given: row[name])
    raise AssertionError(f"unknown expression: {text}")


def _condition(text: str) -> Callable[[Row, Row], bool]:
    left, operator, right = text.split()
    one, other = _expression(left), _expression(right)
    if operator == "=":
        return lambda row, given: one(row, given) == other(row, given)
    assert operator == "<", text
    return lambda row, given: one(row, given) < other(row, given)


def _commas(text: str) -> list[str]:
    """Split at commas outside of parentheses."""
    return [part.strip() for part in re.split(r",(?![^()]*\))", text)]


def _fence(session: Session, parameters: Sequence[Any], snapshot: Snapshot) -> Answer:
    owner, topic, partition = parameters
    if "seen" not in snapshot:
        snapshot["seen"] = session.row("positions", (topic, partition))
    old = session.lock("positions", (topic, partition)) if snapshot["seen"] is not None else None
    if old is None:
        return [], 0
    new = old | {"epoch": old["epoch"] + 1, "owner": owner, "released": False}
    session.put("positions", (topic, partition), new)
    told = [new["epoch"], new["next_offset"], new["sequence"], new["topic_id"], old["owner"], old["released"]]
    return [(*told, new["published_sequence"], new["leader_epoch"])], 1


def _sequences(session: Session, _parameters: Sequence[Any], _snapshot: Snapshot) -> Answer:
    rows = [(*key, row["sequence"]) for key, row in session.visible("positions")]
    return rows, len(rows)


def _noted_published(session: Session, parameters: Sequence[Any], _snapshot: Snapshot) -> Answer:
    row = session.row("positions", tuple(parameters))
    return ([], 0) if row is None else ([(row["published_sequence"],)], 1)


def _release(session: Session, parameters: Sequence[Any], snapshot: Snapshot) -> Answer:
    topic, partition, epoch = parameters
    if "seen" not in snapshot:
        snapshot["seen"] = session.row("positions", (topic, partition))
    row = session.lock("positions", (topic, partition)) if snapshot["seen"] is not None else None
    if row is None or row["epoch"] != epoch:
        return [], 0
    session.put("positions", (topic, partition), row | {"released": True, "published_sequence": row["sequence"]})
    return [], 1


def _delete_parked(session: Session, parameters: Sequence[Any], snapshot: Snapshot) -> Answer:
    if "keys" not in snapshot:
        wanted = set(zip(*parameters, strict=True))
        snapshot["keys"] = [key for key, _ in session.visible("parked") if key in wanted]
        snapshot["gone"] = []
    for key in snapshot["keys"]:
        if session.lock("parked", key) is not None:
            session.put("parked", key, None)
            snapshot["gone"].append(key)
    return [], len(snapshot["gone"])


# --- statements that read --------------------------------------------------------------------------------------------


def _locking(table: str, columns: str, wanted: Callable[[Sequence[Any]], set[Any]], by: str | None = None) -> Handler:
    """SELECT … WHERE key = ANY(…) ORDER BY key FOR UPDATE; `by` names another column to choose rows by."""
    names = columns.split()

    def read(session: Session, parameters: Sequence[Any], snapshot: Snapshot) -> Answer:
        if "keys" not in snapshot:
            chosen = wanted(parameters)
            if by is not None:
                snapshot["keys"] = [key for key, row in session.visible(table) if row[by] in chosen]
            else:
                snapshot["keys"] = sorted(key for key in chosen if session.row(table, key) is not None)
        rows = [session.lock(table, key) for key in snapshot["keys"]]
        found = [tuple(row[name] for name in names) for row in rows if row is not None]
        return found, len(found)

    return read


def _singles(parameters: Sequence[Any]) -> set[Any]:
    return {(key,) for key in parameters[0]}


def _read_event_ids(session: Session, parameters: Sequence[Any], _snapshot: Snapshot) -> Answer:
    keys, retention_time = set(parameters[0]), parameters[1]
    since = now(session) - retention_time
    rows = [(key[0],) for key, row in session.visible("event_ids") if key[0] in keys and row["recorded_at"] > since]
    return rows, len(rows)


_PARKED = "topic partition raw_offset key value headers timestamp_ms timestamp_type order_id deadline"


def _parked(row: Row) -> tuple[Any, ...]:
    return (*(row[name] for name in _PARKED.split()[:-1]), _microseconds(row["deadline"]))


def _read_parked(session: Session, parameters: Sequence[Any], snapshot: Snapshot) -> Answer:
    orders = set(parameters[0])
    if "keys" not in snapshot:
        snapshot["keys"] = [key for key, row in session.visible("parked") if row["order_id"] in orders]
    rows = [session.lock("parked", key) for key in snapshot["keys"]]
    found = [_parked(row) for row in rows if row is not None]
    return found, len(found)


def _read_overdue(session: Session, parameters: Sequence[Any], _snapshot: Snapshot) -> Answer:
    topic, partition, instant, most = parameters
    orders = {key[0] for key, _ in session.visible("orders")}
    rows = [
        _parked(row)
        for key, row in session.visible("parked")
        if key[:2] == (topic, partition) and (row["deadline"] <= _instant(instant) or row["order_id"] in orders)
    ]
    return rows[:most], len(rows[:most])


def _next_deadline(session: Session, parameters: Sequence[Any], _snapshot: Snapshot) -> Answer:
    instant, topic, partition = parameters
    rows = [row for key, row in session.visible("parked") if key[:2] == (topic, partition)]
    later = [_microseconds(row["deadline"]) for row in rows if row["deadline"] > _instant(instant)]
    return [(min(later, default=None), len(rows))], 1


def _journal_after(session: Session, parameters: Sequence[Any], _snapshot: Snapshot) -> Answer:
    topic, partition, sequence = parameters
    names = journal.JournalRow._fields
    rows = [
        tuple(row[name] for name in names)
        for key, row in session.visible("journal")
        if key[:2] == (topic, partition) and row["sequence"] > sequence
    ]
    return rows, len(rows)


# --- partitions by time ----------------------------------------------------------------------------------------------


def _check_partition(session: Session, table: str, instant: datetime) -> None:
    ranges = session.server.tables["partitions"].values()
    own = (row for (name, _), row in session.writes.items() if name == "partitions" and row is not None)
    if not any(r["table"] == table and r["begin"] <= instant < r["end"] for r in (*ranges, *own)):
        # PostgreSQL names no constraint when it finds no partition for a row.
        raise errors.CheckViolation(f"no partition of relation {table} found for row")


def _existing(session: Session, parameters: Sequence[Any], _snapshot: Snapshot) -> Answer:
    names = [(key[0],) for key, row in session.visible("partitions") if row["table"] == parameters[0]]
    return names, len(names)


def _create_partition(found: re.Match[str]) -> tuple[str, Handler]:
    begin, end = (datetime.fromisoformat(found[name]) for name in ("begin", "end"))
    row = {"table": found["table"], "begin": begin, "end": end}

    def create(session: Session, _parameters: Sequence[Any], _snapshot: Snapshot) -> Answer:
        session.insert("partitions", (found["name"],), row)
        return [], -1

    return "CREATE PARTITION", create


def _advisory_lock(session: Session, parameters: Sequence[Any], _snapshot: Snapshot) -> Answer:
    try:
        session.lock("advisory", tuple(parameters))
    except Blocked:
        return [(False,)], 1
    return [(True,)], 1


def _begin(session: Session, _parameters: Sequence[Any], _snapshot: Snapshot) -> Answer:
    session.begin()
    return [], 0


def _commit(session: Session, _parameters: Sequence[Any], _snapshot: Snapshot) -> Answer:
    session.commit()
    return [], 0


def _select_1(_session: Session, _parameters: Sequence[Any], _snapshot: Snapshot) -> Answer:
    return [(1,)], 1


def _planned(_session: Session, _parameters: Sequence[Any], _snapshot: Snapshot) -> Answer:
    return [], 0


def _instant(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def _microseconds(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _split(text: str) -> list[str]:
    return text.split(",") if text else []


_ORDER = """order_id source source_account source_order_id source_order_number canonical_version
clock_sequence clock_updated_at clock_rank clock_digest content_hash order_status payment_status fulfilment_status
state last_topic last_partition last_sequence"""
_SESSION = """session_id guest_id channel source_account status version started_at last_seen_at expires_at
absolute_expires_at checkout_id email_hash phone_hash customer_id order_ids"""
_GUEST = "guest_id version order_count first_order_at last_topic last_partition last_sequence"
_POSITION = "topic partition epoch next_offset sequence"

_READS: dict[str, tuple[str, Handler]] = {
    sql.LOCK_POSITIONS: (
        "LOCK_POSITIONS",
        _locking("positions", _POSITION, lambda given: set(zip(*given, strict=True))),
    ),
    sql.BITMAP_SCANS: ("BITMAP_SCANS", _planned),
    sql.ANY_SCANS: ("ANY_SCANS", _planned),
    sql.READ_SESSIONS: ("READ_SESSIONS", _locking("guest_sessions", _SESSION, _singles)),
    sql.READ_ORDERS: ("READ_ORDERS", _locking("orders", _ORDER, _singles)),
    sql.READ_GUESTS: ("READ_GUESTS", _locking("guests", _GUEST, _singles)),
    sql.READ_EVENT_IDS: ("READ_EVENT_IDS", _read_event_ids),
    sql.READ_PARKED: ("READ_PARKED", _read_parked),
    sql.READ_OVERDUE: ("READ_OVERDUE", _read_overdue),
    sql.NEXT_DEADLINE: ("NEXT_DEADLINE", _next_deadline),
    sql.DELETE_PARKED: ("DELETE parked", _delete_parked),
    journal._AFTER: ("JOURNAL_AFTER", _journal_after),
    positions._CREATE: ("CREATE", _create),
    positions._FENCE: ("FENCE", _fence),
    positions._RELEASE: ("RELEASE", _release),
    positions._SEQUENCES: ("SEQUENCES", _sequences),
    positions._NOTED_PUBLISHED: ("NOTED_PUBLISHED", _noted_published),
    retention._EXISTING: ("PARTITIONS", _existing),
    "SELECT pg_try_advisory_xact_lock(%s)": ("ADVISORY_LOCK", _advisory_lock),
    "SELECT 1": ("SELECT 1", _select_1),
    "BEGIN": ("BEGIN", _begin),
    "COMMIT": ("COMMIT", _commit),
}

_SHAPES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], tuple[str, Handler]]], ...] = (
    (re.compile(r"\s*INSERT INTO (?P<table>\w+) \((?P<columns>[^)]*)\)\s*SELECT .*unnest", re.DOTALL), _insert),
    (
        re.compile(
            r"\s*UPDATE (?P<table>\w+) AS \w SET (?P<set>.*?)\s*FROM unnest\([^)]*\)\s*AS u\((?P<columns>[^)]*)\)"
            r"\s*WHERE (?P<where>.*?)(?:RETURNING (?P<returning>.*?))?\s*$",
            re.DOTALL,
        ),
        _update,
    ),
    (
        re.compile(
            r'CREATE TABLE "(?P<name>\w+)" PARTITION OF "(?P<table>\w+)" '
            r"FOR VALUES FROM \('(?P<begin>[^']*)'\) TO \('(?P<end>[^']*)'\)"
        ),
        _create_partition,
    ),
)
