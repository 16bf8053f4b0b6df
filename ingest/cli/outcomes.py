"""`ordergate outcomes`: what became of every raw event."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import typer
from psycopg import sql
from rich.markup import escape
from rich.table import Table

from ingest.cli import orders
from ingest.cli.canonical_view import OUTCOME_STYLES
from ingest.cli.deployment import reading, settings
from ingest.cli.terminal import console, emit, table
from ingest.database.connection import Connection
from quality.outcome import Outcome
from schemas import instants

_FETCHED_AT_ONCE = 5_000
_SLOW_S = 2.0
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class OutcomeLine(NamedTuple):
    """One raw event with its outcome."""

    topic: str
    partition: int
    offset: int
    outcome: str
    channel: str
    event_kind: str | None
    order_id: str | None
    canonical_version: int | None
    detail: str | None
    outputs: int

    @property
    def position(self) -> str:
        """As in the header `ordergate_cause`."""
        return f"{self.topic}/{self.partition}/{self.offset}"


COLUMNS = sql.SQL(
    "topic, partition, raw_offset, outcome, channel, event_kind, order_id::text, canonical_version, detail, outputs"
)
_ALL = sql.SQL("SELECT {columns} FROM outcomes {where} ORDER BY topic, partition, raw_offset")
_NEWEST = sql.SQL(
    "SELECT {columns} FROM (SELECT * FROM outcomes {where} ORDER BY recorded_at DESC, topic, partition, "
    "raw_offset DESC LIMIT {limit}) AS newest ORDER BY recorded_at, topic, partition, raw_offset"
)
_TOTALS = sql.SQL("SELECT channel, outcome, count(*) FROM outcomes {where} GROUP BY channel, outcome")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which outcomes are wanted; None does not restrict."""

    channel: str | None = None
    outcome: str | None = None
    order: str | None = None
    since: datetime | None = None

    @classmethod
    def of(cls, channel: str | None, outcome: str | None, order: str | None, since: str | None) -> Filter:
        """As the command line gives it. Raises typer.BadParameter for a time that is none."""
        return cls(channel, outcome, order, instant(since, datetime.now(UTC)) if since else None)

    def where(self, connection: Connection) -> tuple[sql.Composable, list[Any]]:
        """The condition and its parameters. Raises NotFound for an order nobody knows."""
        conditions: list[sql.Composable] = []
        values: list[Any] = []
        for condition, value in (
            ("channel = %s", self.channel),
            ("outcome = %s", self.outcome),
            ("recorded_at >= %s", self.since),
            ("order_id = ANY(%s::uuid[])", orders.ids(connection, self.order) if self.order else None),
        ):
            if value is not None:
                conditions.append(sql.SQL(condition))
                values.append(value)
        if not conditions:
            return sql.SQL(""), values
        return sql.SQL("WHERE ") + sql.SQL(" AND ").join(conditions), values


def show(wanted: Filter, limit: int) -> None:
    """Tell people: the newest, and the totals per channel."""
    with reading(settings()) as connection:
        lines = list(newest(connection, wanted, limit))
        began = time.monotonic()
        counted = totals(connection, wanted)
        took_s = time.monotonic() - began
    out = console()
    shown = table("raw event", "outcome", "kind", "order", "version", "detail", right=("version",))
    for line in lines:
        shown.add_row(
            line.position,
            f"[{OUTCOME_STYLES[Outcome(line.outcome)]}]{line.outcome}[/]",
            line.event_kind or "",
            (line.order_id or "")[:8],
            str(line.canonical_version or ""),
            escape(line.detail or ""),
        )
    if lines:
        out.print(shown)
        out.print()
    out.print(totals_table(counted))
    consumed = sum(counted.values())
    if len(lines) < consumed:
        out.print(
            f"\nShown are the newest {len(lines)} of {consumed:,}. --limit shows more, --json all.",
            style="quiet",
        )
    if took_s > _SLOW_S:
        out.print(f"\nCounting took {took_s:.0f} s; --since 1h counts fewer.", style="quiet")


def show_json(wanted: Filter, limit: int | None) -> None:
    """One line of JSON a raw event, in the order of the log; with a limit the newest, as decided."""
    with reading(settings()) as connection:
        for line in everything(connection, wanted) if limit is None else newest(connection, wanted, limit):
            emit(line._asdict())


def everything(connection: Connection, wanted: Filter) -> Iterator[OutcomeLine]:
    """All of them in log order, fetched piece by piece."""
    where, values = wanted.where(connection)
    with connection.cursor(name="outcomes") as cursor:
        cursor.itersize = _FETCHED_AT_ONCE
        cursor.execute(_ALL.format(columns=COLUMNS, where=where), values)
        for row in cursor:
            yield OutcomeLine(*row)


def newest(connection: Connection, wanted: Filter, limit: int) -> Iterator[OutcomeLine]:
    """The last ones decided, in the order of their decision."""
    where, values = wanted.where(connection)
    query = _NEWEST.format(columns=COLUMNS, where=where, limit=sql.Literal(limit))
    for row in connection.execute(query, values):
        yield OutcomeLine(*row)


def totals(connection: Connection, wanted: Filter) -> dict[tuple[str, str], int]:
    """Raw events by channel and outcome."""
    where, values = wanted.where(connection)
    rows: Sequence[tuple[Any, ...]] = connection.execute(_TOTALS.format(where=where), values).fetchall()
    return {(channel, outcome): count for channel, outcome, count in rows}


def totals_table(counted: dict[tuple[str, str], int]) -> Table:
    """A line per channel, a column per outcome that occurs, and what they add up to."""
    occurring = [o.value for o in Outcome if any(outcome == o.value for _, outcome in counted)]
    shown = table("channel", *occurring, "consumed", right=(*occurring, "consumed"))
    channels = sorted({channel for channel, _ in counted})
    for channel in channels:
        counts = [counted.get((channel, outcome), 0) for outcome in occurring]
        shown.add_row(channel, *(f"{count:,}" for count in counts), f"[bold]{sum(counts):,}[/]")
    if len(channels) != 1:
        sums = [sum(counted.get((c, outcome), 0) for c in channels) for outcome in occurring]
        shown.add_row("[bold]all[/]", *(f"[bold]{count:,}[/]" for count in sums), f"[bold]{sum(sums):,}[/]")
    return shown


def instant(text: str, now: datetime, option: str = "--since") -> datetime:
    """`30m`, `2h`, `3d` before now, or an ISO 8601 instant. Raises typer.BadParameter, which names the option."""
    ago = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    if ago:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        return datetime.fromtimestamp(instants.parse(text) / 1_000_000, UTC)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time; expected 30m, 2h or 3d, or an instant such as 2026-08-01T12:00:00Z",
            param_hint=option,
        ) from None
