"""What the demo shows: the stream while it runs, then a summary that adds up line by line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ingest.cli.canonical_view import OUTCOME_STYLES, amount, show_order
from ingest.cli.outcomes import totals_table
from ingest.cli.terminal import say, table
from quality.outcome import Outcome
from schemas.types import CanonicalOrder

if TYPE_CHECKING:
    from ingest.demo.summary import PublishedRecord, Summary
    from ingest.demo.worker_process import WorkerProcess

_PLAIN_EVERY_S = 2.0


@dataclass(slots=True)
class Progress:
    """How far the stream is."""

    events: int
    published: int = 0
    published_by_topic: Mapping[str, int] = field(default_factory=dict)
    outcomes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Raw events by channel and outcome."""
    trouble: str | None = None

    @property
    def decided(self) -> int:
        """Raw events that have their outcome."""
        return sum(self.outcomes.values())

    def by_outcome(self) -> dict[Outcome, int]:
        """Outcomes that occur, both channels together."""
        counted = {o: sum(n for (_, name), n in self.outcomes.items() if name == o.value) for o in Outcome}
        return {outcome: count for outcome, count in counted.items() if count}


class Display(Protocol):
    """Shows progress."""

    def refresh(self) -> None:
        """Show what is true now."""


@contextmanager
def progress_display(progress: Progress) -> Iterator[Display]:
    """Bars on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        plain = _Lines(progress)
        yield plain
        plain.last()
        return
    with Live(_Bars(progress), console=Console(stderr=True, highlight=False), refresh_per_second=8) as live:
        yield live


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._began = time.monotonic()

    def __rich__(self) -> RenderableType:
        progress = self._progress
        bars = Table.grid(padding=(0, 1))
        for label, count in (("published", progress.published), ("decided", progress.decided)):
            bars.add_row(
                label,
                ProgressBar(progress.events, count, width=40),
                Text(f"{count:,} of {progress.events:,}", justify="right"),
            )
        rate = progress.decided / max(time.monotonic() - self._began, 0.1)
        counts = "  ".join(
            f"[{_TERMINAL_STYLES[OUTCOME_STYLES[outcome]]}]{outcome.value}[/] {count:,}"
            for outcome, count in progress.by_outcome().items()
        )
        return Group(bars, Text.from_markup(f"{counts}   [dim]{rate:,.0f} events/s[/]"))


_TERMINAL_STYLES = {"good": "green", "doubtful": "yellow", "bad": "bold red", "quiet": "dim"}


class _Lines:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._next = 0.0

    def refresh(self) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _PLAIN_EVERY_S
            self.last()

    def last(self) -> None:
        progress = self._progress
        counts = ", ".join(f"{outcome.value} {count:,}" for outcome, count in progress.by_outcome().items())
        say(
            f"published {progress.published:,} of {progress.events:,}, decided {progress.decided:,}"
            f"{f' ({counts})' if counts else ''}"
        )


def show_summary(out: Console, summary: Summary, folder: Path, seconds: float) -> None:
    """Everything added up, what was found, one order, one guest event, and where to look next."""
    out.print("\n[bold]Every raw event has exactly one outcome[/]\n")
    out.print(totals_table(summary.outcomes))
    out.print()
    for channel, published in summary.published.items():
        consumed, decided = summary.consumed[channel], summary.decided(channel)
        out.print(f"{channel:<8} {published:,} published = {consumed:,} consumed = {decided:,} outcomes  [good]✓[/]")
    out.print(f"\n{summary.orders:,} orders are governed, in {summary.versions:,} versions.")
    _show_findings(out, summary)
    if summary.order is not None:
        out.print("\n[bold]One governed order[/]")
        _show_source(out, summary.order)
        show_order(out, cast("CanonicalOrder", summary.order.value))
    if summary.guest_event is not None:
        out.print("\n[bold]One guest-conversion event[/]")
        _show_source(out, summary.guest_event)
        _show_guest_event(out, summary.guest_event)
    _show_next(out, summary, folder)
    out.print(f"\nDone in {seconds:.0f} s.", style="quiet")


def show_failure(out: Console, summary: Summary, worker: WorkerProcess) -> None:
    """What does not add up, and what the worker said last."""
    out.print("\n[bad]The demo failed[/]")
    if summary.trouble:
        out.print(f"  {escape(summary.trouble)}")
    for channel, published in summary.published.items():
        consumed, decided = summary.consumed.get(channel, 0), summary.decided(channel)
        out.print(f"  {channel:<8} {published:,} published, {consumed:,} consumed, {decided:,} outcomes")
    out.print(f"  the worker ended with exit code {worker.exit_code}; its log is {worker.log} and ends:")
    for line in worker.last_lines():
        out.print(f"  | {line}", markup=False, soft_wrap=True)


def _show_findings(out: Console, summary: Summary) -> None:
    out.print("\n[bold]What is wrong most often, and who can put it right[/]\n")
    shown = table("rule", "owner", "severity", "action", "channels", "events", right=("events",))
    for found in summary.findings:
        style = {"error": "bad", "warning": "doubtful"}.get(found.severity, "quiet")
        shown.add_row(
            found.rule,
            found.owner,
            f"[{style}]{found.severity}[/]",
            found.action,
            found.channels,
            f"{found.events:,}",
        )
    out.print(shown)


def _show_source(out: Console, record: PublishedRecord) -> None:
    cause = record.headers["ordergate_cause"]
    out.print(f"  [label]{'record':<11}[/] {record.headers['ce_type']} at {record.position}")
    out.print(f"  [label]{'':<11}[/] caused by {cause}")


def _show_guest_event(out: Console, record: PublishedRecord) -> None:
    value = record.value
    out.print(f"  [label]{'guest':<11}[/] {value['guest_id']}, version {value['guest_version']}")
    for label, name in (("order", "order_number"), ("account", "customer_id"), ("assurance", "assurance")):
        if value.get(name) is not None:
            out.print(f"  [label]{label:<11}[/] {escape(str(value[name]))}")
    if value.get("total") is not None:
        out.print(f"  [label]{'total':<11}[/] {amount(value['total'])}")
    for contact_hash in value.get("contact_hashes", []):
        out.print(f"  [label]{'contact':<11}[/] {contact_hash}  [quiet](a keyed hash: no address leaves)[/]")


def _show_next(out: Console, summary: Summary, folder: Path) -> None:
    number = summary.order.value["order_id"][:8] if summary.order is not None else "ORDER"
    out.print("\n[bold]Where to look next[/]  [quiet]the demo's data is kept until the next demo[/]\n")
    out.print(f"  export ORDERGATE_RUN_DIR={folder}", soft_wrap=True)
    for command, purpose in (
        ("ordergate up", "start the demo's stack again"),
        (f"ordergate explain {number}", "the history of the order above"),
        ("ordergate outcomes --outcome quarantined", "what was refused, and why"),
        ("ordergate positions", "database and Kafka, partition by partition"),
        ("ordergate down", "stop it"),
    ):
        out.print(f"  {command:<42} [quiet]{purpose}[/]", soft_wrap=True)
    out.print("\n  ordergate map --channel web FILE           [quiet]try a payload of your own; needs no stack[/]")
