"""`python -m bench.growth`: measure how cost grows, and write a dated result with its charts."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import ROOT, machine
from bench.deployment import Deployment, fresh_deployment
from bench.growth import charts, history, partitions, purging, stored_orders, workers
from bench.growth.page import markdown
from bench.growth.series import Series
from deploy.local.errors import LocalStackError
from deploy.local.report import Report

_SHOWN = ("batch_size", "poll_timeout_ms", "gather_ms", "group_protocol")


@dataclass(frozen=True, slots=True)
class _Sizes:
    """How much each series measures."""

    stored: tuple[int, ...]
    real: int
    history: tuple[int, int]
    """Orders, and changes of each."""
    content: tuple[int, ...]
    content_orders: int
    buyers: int
    partitions: tuple[int, ...]
    workers_events: int
    purging_events: int
    turns: int


_FULL = _Sizes(
    stored=(10_000, 100_000, 1_000_000, 10_000_000),
    real=10_000,
    history=(400, 1_000),
    content=(1, 10, 100),
    content_orders=1_500,
    buyers=3_500,
    partitions=(1, 8, 64),
    workers_events=25_000,
    purging_events=25_000,
    turns=3,
)
_SMALL = _Sizes(
    stored=(3_000, 30_000),
    real=3_000,
    history=(300, 50),
    content=(1, 10, 100),
    content_orders=1_200,
    buyers=700,
    partitions=(1, 8),
    workers_events=8_000,
    purging_events=8_000,
    turns=2,
)

_SERIES: dict[str, Callable[[Deployment, _Sizes, Report], Series]] = {
    stored_orders.NAME: lambda d, s, say: stored_orders.measure(d, s.real, s.stored, s.turns, say),
    history.NAME: lambda d, s, say: history.measure(d, *s.history, say),
    history.CONTENT: lambda d, s, say: history.measure_content(d, s.content_orders, s.content, s.turns, say),
    partitions.NAME: lambda d, s, say: partitions.measure(d, s.buyers, s.partitions, s.turns, say),
    workers.NAME: lambda d, s, say: workers.measure(d, s.workers_events, (1, 2), s.turns, say),
    purging.NAME: lambda d, s, say: purging.measure(d, s.purging_events, s.turns + 1, say),
}


def _say(line: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {line}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.growth",
        description="Measure what an event costs as tables, histories, partitions and workers grow. What was measured "
        "is kept in .run, series by series: a run that was interrupted goes on with the next one. "
        "All of it takes some 25 minutes on a quiet machine with two cores, and 45 GB of disk meanwhile.",
    )
    parser.add_argument(
        "series", nargs="*", choices=[*_SERIES, []], metavar="series", help=f"only these: {', '.join(_SERIES)}"
    )
    parser.add_argument("--again", action="store_true", help="measure what was measured before once more")
    parser.add_argument("--small", action="store_true", help="small sizes, to try the benchmark itself")
    parser.add_argument("--draw", action="store_true", help="measure nothing; write page and charts of what is there")
    parser.add_argument(
        "--results", type=Path, default=ROOT / "bench" / "results", help="folder of the result (bench/results)"
    )
    return parser.parse_args()


def _measure(name: str, sizes: _Sizes) -> dict[str, Any]:
    before, begun = machine.load(), time.monotonic()
    with fresh_deployment(_say) as deployment:
        series = _SERIES[name](deployment, sizes, _say)
        settings = deployment.settings()
        return {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine.describe(deployment.endpoints.database_url),
            "settings": {name: getattr(settings, name) for name in _SHOWN}
            | machine.postgres_settings(deployment.endpoints.database_url),
            "load": (before, machine.load()),
            "seconds": time.monotonic() - begun,
            "series": series.document(),
        }


def _write(measured: list[dict[str, Any]], folder: Path, *, small: bool) -> Path:
    """Result, charts and page; gives the page."""
    folder.mkdir(parents=True, exist_ok=True)
    date = max(one["date"] for one in measured)
    result = folder / f"{date[:10]}-growth{'-small' if small else ''}.json"
    document = {"date": date, "small": small, "measured": measured}
    result.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    try:
        charts.draw(result, _say)
    except charts.ChartsMissing as error:
        _say(f"the charts are missing, all else is there; draw them later with --draw. Why: {error}")
    names = [one["series"]["name"] for one in measured]
    pictures = {name: f"{result.stem}-{name}.png" for name in names}
    page = result.with_suffix(".md")
    page.write_text(markdown(document, {n: f for n, f in pictures.items() if (folder / f).exists()}))
    return page


def main() -> None:
    """Measure the series that are asked for and not there yet; then write all that are there."""
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whatever ends it, its stack ends with it
    sizes = _SMALL if given.small else _FULL
    kept = ROOT / ".run" / ("growth-small" if given.small else "growth")
    kept.mkdir(parents=True, exist_ok=True)
    for name in given.series or _SERIES:
        file = kept / f"{name}.json"
        if given.draw or (file.exists() and not given.again):
            continue
        try:
            one = _measure(name, sizes)
        except LocalStackError as error:
            sys.exit(f"bench: {error}")
        file.write_text(json.dumps(one))
        _say(f"{name}: measured in {one['seconds']:.0f} s")
    measured = [json.loads(file.read_text()) for name in _SERIES if (file := kept / f"{name}.json").exists()]
    if not measured:
        sys.exit("bench: nothing is measured yet; run it without --draw")
    page = _write(measured, given.results, small=given.small)
    sys.stdout.write(page.read_text())
    _say(f"written to {page}, beside it the figures and the charts")


if __name__ == "__main__":
    main()
