"""A run of the fault suite for people and programs: a dated page of Markdown and the same as JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bench import machine
from deploy.local.postgres import Postgres
from tests.faults.case import Result


def table(results: Sequence[Result]) -> str:
    """One row per kind of fault."""
    by_kind: dict[str, list[Result]] = defaultdict(list)
    for one in results:
        by_kind[one.kind].append(one)
    rows = [_row(kind, by_kind[kind]) for kind in sorted(by_kind)]
    head = "| kind of fault | seeds | faults | raw events | restarts | halts | violations | seconds |\n"
    return head + "|---|---|---|---|---|---|---|---|\n" + "".join((*rows, _row("**all**", results)))


def _row(name: str, results: Sequence[Result]) -> str:
    cells = (
        name,
        len(results),
        sum(one.faults for one in results),
        f"{sum(one.events for one in results):,}",
        sum(one.restarts for one in results),
        sum(len(one.halts) for one in results),
        sum(bool(one.violations) for one in results),
        f"{sum(one.seconds for one in results):,.0f}",
    )
    return "| " + " | ".join(map(str, cells)) + " |\n"


def write(results: Sequence[Result], folder: Path, started: datetime, seeds: int, lanes: int) -> Path:
    """Write page and document; gives the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    ended = datetime.now(UTC)
    facts = machine.facts(Postgres.version)
    again = f"make faults SEEDS={seeds} LANES={lanes}"
    page = folder / f"{started:%Y-%m-%d}-faults.md"
    page.with_suffix(".json").write_text(
        json.dumps(
            {
                "started": started.isoformat(timespec="seconds"),
                "ended": ended.isoformat(timespec="seconds"),
                "command": again,
                "machine": facts,
                "cases": [asdict(one) for one in sorted(results, key=lambda one: one.seed)],
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )
    minutes = (ended - started).total_seconds() / 60
    violated = [one for one in results if one.violations]
    verdict = "no promise was broken" if not violated else f"**{len(violated)} cases broke a promise**"
    lines = [
        f"# Faults, {started:%Y-%m-%d}\n",
        f"{len(results)} seeds in {minutes:.0f} minutes, {lanes} stacks side by side, each a real Kafka, PostgreSQL "
        f"and schema registry: {verdict}. Every case ends with the audit of everything that was published.\n",
        table(results),
        *_violations(violated),
        *(f"- skipped {one.kind}: {one.skipped}\n" for one in results if one.skipped),
        f"Again: `{again}`. One case: `make faults SEED=… KIND='…'`.\n",
        "| run on | |\n|---|---|",
        *(f"| {name} | {value} |" for name, value in facts.items()),
    ]
    page.write_text("\n".join(lines) + "\n")
    return page


def _violations(violated: Sequence[Result]) -> list[str]:
    return [
        f"- `make faults SEED={one.seed} KIND='{one.kind}'`: {text.splitlines()[0]}"
        for one in violated
        for text in one.violations
    ]
