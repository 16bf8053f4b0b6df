"""The series for people: one page of Markdown with its charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.growth.series import Point, Series, read, spread

_BUSY = 0.5
"""Load average per core from which on other work disturbs the figures visibly."""


def markdown(document: Mapping[str, Any], charts: Mapping[str, str]) -> str:
    """The page; `charts` has the file name of each series' picture. Ends with a line end."""
    measured = [(one, read(one["series"])) for one in document["measured"]]
    parts = [_head(document), _bars([series for _, series in measured])]
    parts += [_section(one, series, charts.get(series.name)) for one, series in measured]
    parts.append(_where(document))
    return "\n\n".join(parts) + "\n"


def _head(document: Mapping[str, Any]) -> str:
    text = (
        f"# Growth, {document['date'][:10]}\n\n"
        "What an event costs as more is stored, as an order gets older and fuller, as partitions and workers become "
        "more, and as old rows are purged. Every series compares runs of the product's own worker side by side: same "
        "machine, same events, sizes in turns, medians."
    )
    if document["small"]:
        text += "\n\n**Small sizes, to try the benchmark itself: these figures say nothing of the promises.**"
    return text


def _bars(measured: Sequence[Series]) -> str:
    rows = [
        f"| {series.title} | {bar.name} | {bar.limit} | {bar.measured} | {'yes' if bar.met else '**no**'} |"
        for series in measured
        for bar in series.bars
    ]
    return "\n".join(["| series | promise | limit | measured | kept |", "|---|---|---|---|---|", *rows])


def _section(one: Mapping[str, Any], series: Series, chart: str | None) -> str:
    head = series.x_label or "load"
    rows = [_row(point, series.x_label) for point in series.points]
    lines = [
        f"## {series.title}\n",
        *([f"![{series.title}]({chart})\n"] if chart else []),
        f"| {head} | events/s | spread | CPU: worker | CPU: PostgreSQL | WAL | runs |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
        *(f"- {note}" for note in [*_busy(one), *series.notes]),
        "- Took {:.0f} minutes; load average {:.1f} before and {:.1f} after.".format(one["seconds"] / 60, *one["load"]),
    ]
    tables = series.facts.get("tables")
    if tables:
        lines += ["", *_tables(tables)]
    return "\n".join(lines)


def _busy(one: Mapping[str, Any]) -> list[str]:
    cores = one["machine"]["cpu"].partition(" ")[0]
    if cores.isdigit() and one["load"][0] > _BUSY * int(cores):
        return ["**The machine was busy with other work**: events/s are too low by an unknown factor, CPU is inflated."]
    return []


def _row(point: Point, x_label: str) -> str:
    cost = point.median
    name = f"{point.x:,.0f}" if x_label else point.label
    if x_label and point.label:
        name += f" ({point.label})"
    return (
        f"| {name} | {cost.events_per_second:,.0f} | {spread(point):.0%} | {cost.worker_us:.0f} µs "
        f"| {cost.postgres_us:.0f} µs | {cost.wal_bytes / 1024:.1f} KiB | {len(point.runs)} |"
    )


def _tables(tables: Mapping[str, Mapping[str, Sequence[int]]]) -> list[str]:
    """How large each table was before the first turn: rows, and bytes with its indexes."""
    names = list(next(iter(tables.values())))
    rows = [
        f"| {size} | " + " | ".join(f"{of[name][0]:,} · {of[name][1] / 2**20:,.0f} MiB" for name in names) + " |"
        for size, of in tables.items()
    ]
    return [f"| orders stored | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|", *rows]


def _where(document: Mapping[str, Any]) -> str:
    newest = document["measured"][-1]
    facts = {**newest["machine"], **{f"setting {name}": value for name, value in newest["settings"].items()}}
    rows = [f"| {name} | {value} |" for name, value in facts.items()]
    commits = sorted({one["machine"]["commit"] for one in document["measured"]})
    remarks = [
        "CPU is user and system time of all threads and processes per event; PostgreSQL's is that of all its "
        "processes, autovacuum and checkpoints included.",
        "Spread is how far the events/s of the runs lie apart, over their median.",
        "Broker, PostgreSQL and worker share the cores: across machines compare ratios, not rates.",
        "Each run begins with a checkpoint, so that every page's first change is written to the log whole, at every "
        "size alike, and counts from the end of its first batch.",
        "PostgreSQL is the local stack's, with its settings as below.",
    ]
    if len(commits) > 1:
        remarks.append(f"Series were measured at different commits: {', '.join(commits)}.")
    return "\n".join(
        [
            "## Measured",
            "",
            *(f"- {remark}" for remark in remarks),
            "",
            'Again: `make bench-growth`; one series: `make bench-growth ARGS="--again orders"`.',
            "",
            "| measured on | |",
            "|---|---|",
            *rows,
        ]
    )
