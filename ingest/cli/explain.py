"""`ordergate explain`: an order's history, event by event. Contacts are masked, names left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from rich.markup import escape

from ingest.cli import orders
from ingest.cli.canonical_view import OUTCOME_STYLES, show_order
from ingest.cli.deployment import reading, settings
from ingest.cli.orders import FoundOrder
from ingest.cli.terminal import console, emit, say, table
from ingest.database import schema_ids
from ingest.database.connection import Connection
from ingest.schema_registry import fingerprints
from quality.outcome import Outcome
from schemas.codec import Codec, DecodeError
from schemas.types import CanonicalOrder

SEVERAL = 1

_EVENTS = """
SELECT o.topic, o.partition, o.raw_offset, o.recorded_at, o.outcome, o.channel, o.event_kind,
       o.canonical_version, o.detail, o.outputs, p.deadline, q.stage
FROM outcomes o LEFT JOIN parked p USING (topic, partition, raw_offset)
LEFT JOIN quarantine q USING (topic, partition, raw_offset)
WHERE o.order_id = %s::uuid ORDER BY o.recorded_at, o.topic, o.partition, o.raw_offset
"""
_FINDINGS = """
SELECT topic, partition, raw_offset, rule, field, severity, owner, action, message FROM findings
WHERE order_id = %s::uuid ORDER BY recorded_at, topic, partition, raw_offset, rule, field
"""


@dataclass(slots=True)
class PastEvent:
    """One raw event of the order."""

    topic: str
    partition: int
    offset: int
    recorded_at: datetime
    outcome: str
    channel: str
    event_kind: str | None
    canonical_version: int | None
    detail: str | None
    """The verdict on every change of state, or the reason of the outcome."""
    outputs: int
    deadline: datetime | None
    """Until when it waits, for a parked one."""
    stage: str | None
    """Where it was refused, for a quarantined one."""
    findings: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class History:
    """What is known of one order; `state` and `now` are None while nothing of it was governed."""

    order_id: str
    now: FoundOrder | None
    state: CanonicalOrder | None
    events: list[PastEvent]


def show(text: str) -> int:
    """Tell people; gives the exit code. Raises NotFound."""
    histories = _histories(text)
    if len(histories) > 1:
        _show_choice(text, histories)
        return SEVERAL
    _show(histories[0])
    return 0


def show_json(text: str) -> int:
    """One line of JSON an order that `text` may mean; gives the exit code. Raises NotFound."""
    for history in _histories(text):
        now = history.now._asdict() if history.now else dict.fromkeys(FoundOrder._fields)
        del now["state"]
        emit({**now, "order_id": history.order_id, "events": [_plain(event) for event in history.events]})
    return 0


def _histories(text: str) -> list[History]:
    with reading(settings()) as connection:
        found = {order.order_id: order for order in orders.find(connection, text)}
        codec = Codec(schema_ids.remembered(connection, fingerprints()))
        return [
            History(
                order_id,
                found.get(order_id),
                _decoded(codec, found[order_id].state) if order_id in found else None,
                list(_events(connection, order_id)),
            )
            for order_id in orders.ids(connection, text)
        ]


def _events(connection: Connection, order_id: str) -> Iterable[PastEvent]:
    events = {row[:3]: PastEvent(*row) for row in connection.execute(_EVENTS, (order_id,))}
    names = ("rule", "field", "severity", "owner", "action", "message")
    for row in connection.execute(_FINDINGS, (order_id,)):
        if row[:3] in events:
            events[row[:3]].findings.append(dict(zip(names, row[3:], strict=True)))
    return events.values()


def _decoded(codec: Codec, state: bytes) -> CanonicalOrder | None:
    try:
        return cast("CanonicalOrder", codec.decode(state)[1])
    except DecodeError as error:
        say(f"ordergate: the stored order is shown by its columns alone: {error}")
        return None


def _plain(event: PastEvent) -> dict[str, Any]:
    return {
        "topic": event.topic,
        "partition": event.partition,
        "offset": event.offset,
        "recorded_at": event.recorded_at.isoformat(),
        "outcome": event.outcome,
        "channel": event.channel,
        "event_kind": event.event_kind,
        "canonical_version": event.canonical_version,
        "detail": event.detail,
        "outputs": event.outputs,
        "deadline": event.deadline.isoformat() if event.deadline else None,
        "stage": event.stage,
        "findings": event.findings,
    }


def _show_choice(text: str, histories: list[History]) -> None:
    out = console()
    shown = table("order_id", "channel", "account", "order", "number", "version", "status")
    for history in histories:
        now = history.now
        told = (
            (now.source, now.source_account, now.source_order_id, now.source_order_number or "",
             str(now.canonical_version), now.order_status)
            if now
            else ("", "", "", "", "", "never governed")
        )  # fmt: skip
        shown.add_row(history.order_id, *map(escape, told))
    out.print(f"{len(histories)} orders are known as {escape(text)}; ask for one by its order_id:\n")
    out.print(shown)


def _show(history: History) -> None:
    out = console()
    if history.state is not None:
        out.print("[bold]Now[/]")
        show_order(out, history.state)
    elif history.now is not None:
        now = history.now
        statuses = f"{now.order_status} · {now.payment_status} · {now.fulfilment_status}"
        out.print(f"[bold]Now[/]  {escape(now.source_order_id)}, version {now.canonical_version}: {statuses}")
    else:
        out.print(f"[bold]Now[/]  order {history.order_id} is not known: none of its events was governed")
    out.print("\n[bold]What happened[/]")
    for event in history.events:
        style = OUTCOME_STYLES[Outcome(event.outcome)]
        version = f" → version {event.canonical_version}" if event.canonical_version else ""
        out.print(
            f"  {event.recorded_at:%Y-%m-%d %H:%M:%S}  [{style}]{event.outcome:<11}[/] "
            f"{escape(event.event_kind or 'kind unknown')}{version}  "
            f"[quiet]{event.topic}/{event.partition}/{event.offset}[/]",
            soft_wrap=True,
        )
        for note in _notes(event):
            out.print(f"                       {escape(note)}", soft_wrap=True)
        for found in event.findings:
            place = f" {found['field']}" if found["field"] else ""
            out.print(
                f"                       [doubtful]{found['severity']}[/] {found['rule']}{escape(place)}: "
                f"{escape(found['message'])}  owner [label]{found['owner']}[/]",
                soft_wrap=True,
            )


def _notes(event: PastEvent) -> Iterable[str]:
    if event.detail:
        yield event.detail
    if event.deadline:
        yield f"waits for its order until {event.deadline:%Y-%m-%d %H:%M:%S}, then it is quarantined"
    if event.stage:
        yield f"kept whole in quarantine; refused at the step: {event.stage}"
