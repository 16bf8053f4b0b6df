"""`ordergate audit`: what an auditor who shares no code with the pipeline says of everything that was published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.markup import escape

from audit import Report, run
from consumers.catalogue import chosen
from ingest.cli.deployment import settings, settings_without_database
from ingest.cli.outcomes import instant
from ingest.cli.terminal import console, emit, table
from ingest.settings import Settings

VIOLATED = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be audited; None does not restrict."""

    since_ms: int | None
    until_ms: int | None
    most: int
    patience_s: float

    @classmethod
    def of(cls, since: str | None, until: str | None, most: int, patience_s: float) -> Asked:
        """As the command line gives it. Raises typer.BadParameter for a time that is none."""
        now = datetime.now(UTC)
        return cls(_milliseconds(since, now, "--since"), _milliseconds(until, now, "--until"), most, patience_s)


def of_kafka(asked: Asked) -> Report:
    """What Kafka alone tells. Raises NotAudited, ConfigurationRefused or AddressesMissing."""
    given = settings_without_database()
    return _run(asked, None, given)


def of_kafka_and_database(asked: Asked) -> Report:
    """What Kafka and the database tell together. Raises as `of_kafka`."""
    given = settings()
    return _run(asked, given.database_url.get_secret_value(), given)


def show(report: Report) -> int:
    """Tell people; gives the exit code."""
    out = console()
    counts = table("topic", "records", right=("records",))
    for topic, records in sorted(report.records.items()):
        counts.add_row(topic, f"{records:,}")
    out.print(counts)
    if report.outcomes:
        outcomes = table("outcome", "raw events", right=("raw events",))
        for outcome, events in sorted(report.outcomes.items()):
            outcomes.add_row(outcome, f"{events:,}")
        out.print()
        out.print(outcomes)
    for sentence in report.not_judged:
        out.print(f"\n[doubtful]not judged:[/] {escape(sentence)}", soft_wrap=True)
    if report.counted:
        out.print()
        for one in report.violations:
            out.print(f"[bad]{one.kind.value}[/]  {escape(one.sentence)}", soft_wrap=True)
        kinds = table("violation", "found", right=("found",))
        for kind, found in sorted(report.counted.items()):
            kinds.add_row(kind.value, f"{found:,}")
        out.print()
        out.print(kinds)
    out.print(f"\n{_verdict(report)}", soft_wrap=True)
    return 0 if report.clean else VIOLATED


def show_json(report: Report) -> int:
    """Facts as JSON, one object a line, the verdict last; gives the exit code."""
    for fact in _facts(report):
        emit(fact)
    return 0 if report.clean else VIOLATED


def _run(asked: Asked, database_url: str | None, given: Settings) -> Report:
    return run(
        given.kafka_bootstrap_servers,
        given.schema_registry_url.get_secret_value(),
        raw_topics=[channel.topic for channel in chosen(given.channels)],
        database_url=database_url,
        group_id=given.group_id,
        since_ms=asked.since_ms,
        until_ms=asked.until_ms,
        most=asked.most,
        patience_s=asked.patience_s,
    )


def _milliseconds(text: str | None, now: datetime, option: str) -> int | None:
    return None if text is None else int(instant(text, now, option).timestamp() * 1000)


def _verdict(report: Report) -> str:
    judged = f"{report.events:,} raw events below the fence, {sum(report.records.values()):,} records read"
    took = f"in {report.seconds:,.1f} s"
    if report.clean:
        return f"[good]clean[/]: {judged}, no violation, {took}"
    found = sum(report.counted.values())
    shown = f"; shown are the first {len(report.violations):,}" if found > len(report.violations) else ""
    return f"[bad]not clean[/]: {found:,} violations{shown}; {judged}, {took}"


def _facts(report: Report) -> Iterator[dict[str, Any]]:
    for one in report.judged:
        yield {"judged": f"{one.topic}/{one.partition}", "first": one.first, "fence": one.fence}
    for topic, records in sorted(report.records.items()):
        yield {"topic": topic, "records": records}
    for outcome, events in sorted(report.outcomes.items()):
        yield {"outcome": outcome, "events": events}
    for sentence in report.not_judged:
        yield {"not_judged": sentence}
    for violation in report.violations:
        yield violation.facts()
    yield {
        "verdict": "clean" if report.clean else "violations",
        "events": report.events,
        "violations": sum(report.counted.values()),
        "by_kind": {kind.value: found for kind, found in sorted(report.counted.items())},
        "seconds": round(report.seconds, 3),
    }
