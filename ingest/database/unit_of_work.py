"""One batch, one PostgreSQL transaction: read under locks in sorted order, decide, write set-wise.

Statements that do not need each other's answers are sent together: one round trip (`Database.pipelined_transaction`).
Lock order is the same for every worker: positions, orders, parked events, sessions, guests, each sorted by key. Orders
that only a session tells of come after it; two workers that meet there are told apart by PostgreSQL, and one decides
again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any

import orjson

from guests.session import GuestState, SessionState, SessionStatus
from ingest.database import statements as sql
from ingest.database.columns import Blobs, Texts, columns
from ingest.database.connection import Connection, Cursor
from ingest.raw_event import RawEvent, pack_headers, unpack_headers
from ingest.state import BatchState, Carrier, GuestRow, OrderRow, ParkedEvent
from mappers.candidate import Clock

_MANY = 64
"""Rows from which on it is worth it to have their pages read ahead."""
_SESSION_FIELDS = SessionState.__struct_fields__


def parked_event(row: tuple[Any, ...]) -> ParkedEvent:
    """A parked event from its columns."""
    topic, partition, offset, key, value, headers, timestamp_ms, timestamp_type, order_id, deadline = row
    event = RawEvent(topic, partition, offset, key, value, unpack_headers(headers), timestamp_ms, timestamp_type)
    return ParkedEvent(event, order_id, deadline)


class UnitOfWork:
    """Reads and writes of one batch on one connection; the caller owns the transaction."""

    def __init__(self, connection: Connection, event_id_retention: timedelta) -> None:
        self._connection = connection
        self._event_id_retention = event_id_retention

    def read_orders(self, state: BatchState, orders: Collection[str], event_keys: Collection[bytes]) -> None:
        """Load orders, the events that wait for them, and which event ids were seen already."""
        if not orders and not event_keys:
            return
        found = orders and self._locked(sql.READ_ORDERS, orders)
        waiting = orders and self._connection.execute(sql.READ_PARKED, (Texts(sorted(orders)),))
        seen = event_keys and self._connection.execute(
            sql.READ_EVENT_IDS, (Blobs(event_keys), self._event_id_retention)
        )
        for row in found or ():
            state.orders[row[0]] = _order(row)
        for row in waiting or ():
            parked = parked_event(row)
            state.parked.setdefault(parked.order_id, []).append(parked)
        state.event_keys.update(row[0] for row in seen or ())

    def read_sessions(self, state: BatchState, sessions: Collection[str]) -> None:
        """Load sessions; they tell which guests and which further orders they reach."""
        if sessions:
            for row in self._locked(sql.READ_SESSIONS, sessions):
                session = _session(row)
                state.sessions[session.session_id] = session

    def read_guests(self, state: BatchState, guests: Collection[str]) -> None:
        """Load guests."""
        if guests:
            for row in self._locked(sql.READ_GUESTS, guests):
                state.guests[row[0]] = GuestRow(GuestState(*row[:4]), Carrier(*row[4:7]))

    def _locked(self, statement: str, keys: Collection[str]) -> Cursor:
        """The rows of these keys, locked."""
        parameters = (Texts(sorted(keys)),)
        if len(keys) < _MANY:
            return self._connection.execute(statement, parameters)
        self._connection.execute(sql.BITMAP_SCANS)
        # A prepared statement keeps a plan made for a few keys.
        found = self._connection.execute(statement, parameters, prepare=False)
        self._connection.execute(sql.ANY_SCANS)
        return found

    def write(self, state: BatchState) -> None:
        """Write everything the batch changed; it is sent and not waited for."""
        self._write_orders(state)
        self._write_guests(state)
        self._write_events(state)

    def _run(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        parameters = columns(statement, rows)
        if parameters:
            self._connection.execute(statement, parameters)

    def _write_orders(self, state: BatchState) -> None:
        self._run(
            sql.INSERT_ORDERS,
            [
                (
                    row.order_id, row.source, row.source_account, row.source_order_id, row.source_order_number,
                    row.canonical_version, row.clock.sequence, row.clock.updated_at, row.clock.rank,
                    row.clock.digest, row.content_hash, row.order_status, row.payment_status,
                    row.fulfilment_status, row.state, *row.last,
                )
                for row in state.new_orders.values()
            ],
        )  # fmt: skip
        self._run(
            sql.UPDATE_ORDERS,
            [
                (
                    row.order_id, row.source_order_number, row.canonical_version, row.clock.sequence,
                    row.clock.updated_at, row.clock.rank, row.clock.digest, row.content_hash, row.order_status,
                    row.payment_status, row.fulfilment_status, row.state, *row.last,
                )
                for row in state.changed_orders.values()
            ],
        )  # fmt: skip

    def _write_guests(self, state: BatchState) -> None:
        for statement, guests in (
            (sql.INSERT_GUESTS, state.new_guests),
            (sql.UPDATE_GUESTS, state.changed_guests),
        ):
            self._run(
                statement,
                [
                    (g.guest.guest_id, g.guest.version, g.guest.order_count, g.guest.first_order_at, *g.last)
                    for g in guests.values()
                ],
            )
        for statement, sessions in (
            (sql.INSERT_SESSIONS, state.new_sessions),
            (sql.UPDATE_SESSIONS, state.changed_sessions),
        ):
            self._run(
                statement,
                [
                    (
                        s.session_id, s.guest_id, s.channel, s.source_account, s.status.value,
                        s.version, s.started_at, s.last_seen_at, s.expires_at, s.absolute_expires_at,
                        s.checkout_id, s.email_hash, s.phone_hash, s.customer_id, ",".join(s.order_ids),
                    )
                    for s in sessions.values()
                ],
            )  # fmt: skip

    def _write_events(self, state: BatchState) -> None:
        if state.new_event_keys:
            self._connection.execute(sql.INSERT_EVENT_IDS, (Blobs(state.new_event_keys),))
        self._run(
            sql.INSERT_OUTCOMES,
            [
                (
                    *position, o.outcome.value, o.channel, o.event_kind, o.order_id, o.canonical_version,
                    o.detail, o.outputs,
                )
                for position, o in state.outcomes.items()
            ],
        )  # fmt: skip
        self._run(
            sql.UPDATE_OUTCOMES,
            [
                (*position, o.outcome.value, o.order_id, o.canonical_version, o.detail, o.outputs)
                for position, o in state.changed_outcomes.items()
            ],
        )  # fmt: skip
        self._run(
            sql.INSERT_FINDINGS,
            [
                (
                    event.topic, event.partition, event.offset, f.rule, f.field, f.severity.value, f.owner, f.dimension,
                    f.action.value, f.message, channel, order_id,
                )
                for event, f, channel, order_id in state.findings
            ],
        )  # fmt: skip
        self._run(
            sql.INSERT_PARKED,
            [
                (
                    e.topic, e.partition, e.offset, order_id, e.key, e.value, pack_headers(e.headers),
                    e.timestamp_ms, e.timestamp_type, deadline,
                )
                for e, order_id, deadline in state.parked_now
            ],
        )  # fmt: skip
        self._run(sql.DELETE_PARKED, state.unparked)
        self._run(
            sql.INSERT_QUARANTINE,
            [
                (
                    q.event.topic, q.event.partition, q.event.offset, q.event.key, q.event.value,
                    pack_headers(q.event.headers), q.event.timestamp_ms, q.event.timestamp_type, q.channel,
                    q.event_kind, q.order_id, q.stage, _reasons(q.reasons),
                )
                for q in state.quarantined
            ],
        )  # fmt: skip


def _reasons(findings: Iterable[Any]) -> str:
    return orjson.dumps(
        [
            {"rule": f.rule, "field": f.field, "severity": f.severity, "owner": f.owner, "message": f.message}
            for f in findings
        ]
    ).decode()


def _session(row: tuple[Any, ...]) -> SessionState:
    columns = dict(zip(_SESSION_FIELDS, row, strict=True))
    columns["status"] = SessionStatus(columns["status"])
    columns["order_ids"] = tuple(columns["order_ids"])
    return SessionState(**columns)


def _order(row: tuple[Any, ...]) -> OrderRow:
    clock = Clock(row[6], row[7], row[8], row[9])
    return OrderRow(
        row[0], row[1], row[2], row[3], row[4], row[5], clock, row[10], row[11], row[12], row[13], row[14],
        Carrier(row[15], row[16], row[17]),
    )  # fmt: skip
