"""Retention beside the load: old partitions of journal and outcomes dropped as fast as the load writes new ones."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

from bench.deployment import OUTPUTS, RAW_TOPICS, Deployment
from bench.growth.filling import Connection, columns_of, pipe
from bench.growth.running import govern, line
from bench.growth.series import Point, Series, at_most, cpu_ratio, rate_ratio
from bench.load import fresh_records, publish
from deploy.local.report import Report
from ingest.assembly import retention_ranges
from ingest.database.retention import Range, maintain

NAME = "purging"
MOST_COST = 0.05
_EVERY_S = 2.0
_TABLES = ("journal", "outcomes")
_FOREVER = timedelta(days=3650)


def measure(deployment: Deployment, events: int, turns: int, report: Report) -> Series:
    """The series: the same load without and with purging, in turns."""
    deployment.fresh_topics(RAW_TOPICS, OUTPUTS)
    publish(deployment.servers, fresh_records(events))
    ranges = [one for one in retention_ranges(deployment.settings()) if one.table in _TABLES]
    model = deployment.fresh_database(f"{NAME}-model")
    warm = govern(deployment, f"{NAME}-model", model, events)
    report(f"{NAME}: the model of what is purged: {line(warm)}")
    # Some go while the worker starts.
    slices = round(events / warm.events_per_second / _EVERY_S) + 3
    without, beside = Point(0, [], "not purged"), Point(1, [], "purged beside the load")
    dropped = 0
    for turn in range(turns):
        kinds = [False, True] if turn % 2 == 0 else [True, False]
        for purges in kinds:
            name = f"{NAME}-{turn}-{int(purges)}"
            url = deployment.fresh_database(name)
            _age(url, model, ranges, slices)
            purge = Purge(url, ranges)
            one = govern(deployment, name, url, events, meanwhile=purge.maybe if purges else _nothing)
            purge.close()
            dropped += len(purge.dropped)
            point = beside if purges else without
            point = Point(point.x, [*point.runs, one], point.label)
            without, beside = (without, point) if purges else (point, beside)
            report(f"{NAME}: turn {turn + 1}, {point.label}: {line(one)}, {len(purge.dropped)} partitions dropped")
    return Series(
        NAME,
        "Purging",
        "",
        [without, beside],
        [
            at_most("events/s that purging costs", MOST_COST, 1 - rate_ratio(beside, without)),
            at_most("CPU per event that purging costs", MOST_COST, cpu_ratio(beside, without) - 1),
        ],
        [
            f"Every {_EVERY_S:g} s the oldest partition of journal and of outcomes is dropped by the product's own "
            "retention, from beside the worker: together as many rows as the load writes meanwhile, but thousands of "
            "times as often as the six hours and the day of a real partition.",
            "Their rows are copies of what the worker wrote for the same events.",
        ],
        {"partitions dropped in all turns": dropped, "partitions made for each run": slices * len(_TABLES)},
        logarithmic=False,
    )


class Purge:
    """Drops one more old partition of each table whenever it is time to."""

    def __init__(self, database_url: str, ranges: Sequence[Range]) -> None:
        self._connection = psycopg.connect(database_url, autocommit=True)
        self._ranges = ranges
        self._next = float("-inf")
        self.dropped: list[str] = []

    def maybe(self) -> None:
        """To be called often."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY_S
        for one in self._ranges:
            self.dropped += drop_oldest(self._connection, one)

    def close(self) -> None:
        """Leave the database."""
        self._connection.close()


def drop_oldest(connection: Connection, table: Range) -> list[str]:
    """Let retention think that the oldest partition of the past has just passed its time; gives what it dropped."""
    row = connection.execute(
        "SELECT min(c.relname) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = to_regclass(%s)", (table.table,),
    ).fetchone()  # fmt: skip
    begin = _begin_of(row[0]) if row else datetime.now(UTC)
    keep = datetime.now(UTC) - begin - table.period
    if keep <= timedelta(0):
        return []
    with connection.transaction():
        return maintain(connection, [Range(table.table, table.period, keep)], datetime.now(UTC))


def _begin_of(name: str) -> datetime:
    return datetime.strptime(name.rpartition("_")[2], "%Y%m%d%H").replace(tzinfo=UTC)


def _nothing() -> None:
    pass


def _age(database_url: str, model_url: str, ranges: Sequence[Range], slices: int) -> None:
    """Give a fresh database a past: so many partitions of each table, holding what the model's load wrote."""
    now = datetime.now(UTC)
    with psycopg.connect(database_url, autocommit=True) as connection, psycopg.connect(model_url) as model:
        for one in ranges:
            for number in range(1, slices + 1):
                with connection.transaction():
                    maintain(connection, [Range(one.table, one.period, _FOREVER)], now - number * one.period)
            _copy(connection, model, one, slices)
        connection.execute("VACUUM (ANALYZE) journal, outcomes")


def _copy(connection: Connection, model: Connection, table: Range, slices: int) -> None:
    """Copy the model's rows, each into the next of the past partitions, as rows that were published long ago."""
    columns = columns_of(model, table.table)
    numbered = sql.SQL("SELECT *, mod(row_number() OVER (), {}) + 1 AS slice FROM {}").format(
        sql.Literal(slices), sql.Identifier(table.table)
    )
    changed = {
        "recorded_at": sql.SQL("recorded_at - slice * {}").format(sql.Literal(table.period)),
        "raw_offset": sql.SQL("raw_offset - 1000000000"),
        "sequence": sql.SQL("sequence - 1000000000"),
    }
    values = sql.SQL(", ").join(changed.get(name, sql.Identifier(name)) for name in columns)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    source = sql.SQL("COPY (SELECT {} FROM ({}) AS m) TO STDOUT (FORMAT binary)").format(values, numbered)
    target = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier(table.table), names)
    pipe(model, source, connection, target)
