"""Tables filled with rows that a worker wrote, copied under other keys until there are as many as asked for.

Every row has the bytes of a real one; keys of copies are hashes, spread over the indexes as real keys are. The real
rows lie between their copies, evenly over the table: who changes them in random order touches all of it alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from ingest.database.retention import Range, maintain

Connection = psycopg.Connection[tuple[Any, ...]]

YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class Filled:
    """A table after filling: rows, and bytes with its indexes and what is stored out of line."""

    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the copies of a table's rows differ from the real row `r`; `n` counts them from 1."""

    table: LiteralString
    differs: Mapping[LiteralString, LiteralString]
    kept_days: int | None = None
    """Rows older than this are dropped: a table of orders of a year holds only this part of a year's rows."""


_KINDS = (
    _Kind(
        "orders",
        {
            "order_id": "md5(r.order_id::text || n)::uuid",
            "source_order_id": "left(md5(r.source_order_id || n), length(r.source_order_id))",
            "source_order_number": "left(md5(r.source_order_number || n), length(r.source_order_number))",
        },
    ),
    _Kind("guests", {"guest_id": "md5(r.guest_id::text || n)::uuid"}),
    _Kind(
        "guest_sessions",
        {
            "session_id": "md5(r.session_id::text || n)::uuid",
            "guest_id": "md5(r.guest_id::text || n)::uuid",
            "order_ids": "(SELECT coalesce(array_agg(md5(o::text || n)::uuid), '{}') FROM unnest(r.order_ids) AS o)",
        },
    ),
    _Kind(
        "event_ids",
        {
            "event_key": "substring(sha256(r.event_key || n::text::bytea) FOR length(r.event_key))",
            "recorded_at": "r.recorded_at - random() * interval '6 days'",
        },
        kept_days=7,
    ),
    _Kind(
        "outcomes",
        {
            "raw_offset": "r.raw_offset - n * 1000000000::bigint",
            "order_id": "md5(r.order_id::text || n)::uuid",
            "recorded_at": "r.recorded_at - random() * interval '29 days'",
        },
        kept_days=30,
    ),
)


def fill(database_url: str, ranges: Sequence[Range], copies: int) -> dict[str, Filled]:
    """Fill the tables so that each order stands for `copies`, itself included; gives each table's size.

    As if these orders were a year's: guests and sessions grow with them; events' ids and outcomes, which are kept
    for days, to the part of a year's that is still there, with the partitions of all those days. Ends with every row
    frozen, every table analysed and everything on disk: nothing of the filling is left to whoever is measured next.
    """
    filled: dict[str, Filled] = {}
    with (
        psycopg.connect(database_url, autocommit=True) as connection,
        psycopg.connect(database_url, autocommit=True) as source,
    ):
        connection.execute("SET maintenance_work_mem = '1GB'; SET synchronous_commit = off")
        _partitions_of_the_past(connection, ranges)
        for kind in _KINDS:
            share = (kind.kept_days or YEAR_DAYS) / YEAR_DAYS
            _multiply(connection, source, kind, max(round(copies * share), 1))
            # Cheap where rows are frozen already; without it autovacuum would come for them in the middle of a run.
            connection.execute(sql.SQL("VACUUM (FREEZE, ANALYZE) {}").format(sql.Identifier(kind.table)))
            filled[kind.table] = _filled(connection, kind.table)
        connection.execute("CHECKPOINT")
    return filled


def columns_of(connection: Connection, table: str) -> list[str]:
    """The names of a table's columns, in their order."""
    return [row[0] for row in connection.execute(_COLUMNS, (table,))]


def _partitions_of_the_past(connection: Connection, ranges: Sequence[Range]) -> None:
    """What a month of operation leaves: a partition for every period that is still kept."""
    now = datetime.now(UTC)
    longest = max(one.keep for one in ranges)
    for days in range(longest.days, -1, -1):
        then = now - timedelta(days=days)
        kept = [one for one in ranges if now - then < one.keep]
        with connection.transaction():
            maintain(connection, kept, then)


def _multiply(connection: Connection, source: Connection, kind: _Kind, copies: int) -> None:
    """Rewrite a table as its rows with their copies between them; its indexes are made anew at the end."""
    if copies == 1:
        return
    table, real = sql.Identifier(kind.table), sql.Identifier(f"real_{kind.table}")
    columns = columns_of(connection, kind.table)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    values = sql.SQL(", ").join(_value(kind, column) for column in columns)
    connection.execute(sql.SQL("CREATE UNLOGGED TABLE {} AS SELECT * FROM {}").format(real, table))
    with connection.transaction():
        connection.execute(sql.SQL("TRUNCATE {}").format(table))
        made_again = _drop_indexes(connection, kind.table)
        out = sql.SQL(
            "COPY (SELECT {} FROM (SELECT *, generate_series(0, {}) AS n FROM {}) AS r) TO STDOUT (FORMAT binary)"
        ).format(values, sql.Literal(copies - 1), real)
        # Frozen as they come in, rows need no vacuum, which would write each page once more; divided tables cannot.
        options = sql.SQL("FORMAT binary" if kind.kept_days else "FORMAT binary, FREEZE")
        into = sql.SQL("COPY {} ({}) FROM STDIN ({})").format(table, names, options)
        pipe(source, out, connection, into)
        for statement in made_again:
            connection.execute(statement)
    connection.execute(sql.SQL("DROP TABLE {}").format(real))


def pipe(source: Connection, out: sql.Composed, target: Connection, into: sql.Composed) -> None:
    """Let what one COPY gives be taken by another one."""
    with source.cursor() as reading, target.cursor() as writing:  # noqa: SIM117 -- one inside the other
        with reading.copy(out) as rows, writing.copy(into) as taken:
            for block in rows:
                taken.write(block)


def _value(kind: _Kind, column: str) -> sql.Composable:
    own = sql.SQL("r.{}").format(sql.Identifier(column))
    differs = {str(name): expression for name, expression in kind.differs.items()}.get(column)
    if differs is None:
        return own
    return sql.SQL("CASE n WHEN 0 THEN {} ELSE {} END").format(own, sql.SQL(differs))


def _drop_indexes(connection: Connection, table: str) -> list[bytes]:
    """Drop a table's indexes and keys; gives the statements that make them again."""
    statements: list[bytes] = []
    for name, definition in connection.execute(_KEYS, (table,)).fetchall():
        constraint = sql.Identifier(name)
        connection.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(table), constraint))
        add = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} ").format(sql.Identifier(table), constraint)
        statements.append(add.as_bytes(connection) + definition.encode())
    for name, definition in connection.execute(_INDEXES, (table,)).fetchall():
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
        # Of a divided table PostgreSQL tells the index without its partitions' own.
        statements.append(definition.replace(" ON ONLY ", " ON ", 1).encode())
    return statements


def _filled(connection: Connection, table: str) -> Filled:
    row = connection.execute(_SIZE, {"table": table}).fetchone()
    assert row is not None
    return Filled(int(row[0]), int(row[1]))


_COLUMNS = """
SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_KEYS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = to_regclass(%s) AND contype = 'p'
"""
_INDEXES = """
SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = to_regclass(%s) ORDER BY c.relname
"""
_SIZE = """
SELECT sum(c.reltuples)::bigint, sum(pg_total_relation_size(c.oid))::bigint
FROM pg_class c WHERE c.relkind = 'r' AND (c.oid = to_regclass(%(table)s)
  OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass(%(table)s)))
"""
