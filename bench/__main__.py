"""`python -m bench`: measure, and write a dated result."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from bench import ROOT, machine, measuring
from bench.deployment import PARTITIONS, fresh_deployment
from bench.profiling import profile
from bench.report import markdown
from bench.result import Result
from deploy.local.errors import LocalStackError

_SHOWN = ("batch_size", "poll_timeout_ms", "gather_ms", "group_protocol", "retry_backoff_ms")


def _say(line: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {line}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the pipeline against a plain Kafka loop on a stack of its own.",
    )
    parser.add_argument("--events", type=int, default=60_000, help="raw events of each run (%(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each kind, in turns (%(default)s)")
    parser.add_argument("--rate", type=float, default=200, help="events/s of the latency part (%(default)s)")
    parser.add_argument("--seconds", type=float, default=30, help="length of each latency part (%(default)s)")
    parser.add_argument("--memory-events", type=int, default=200_000, help="events of the memory part (%(default)s)")
    parser.add_argument(
        "--results",
        type=Path,
        default=ROOT / "bench" / "results",
        help="folder of the result files (bench/results)",
    )
    parser.add_argument("--profile", action="store_true", help="only the pure part, in memory: where its CPU time goes")
    parser.add_argument("--profile-events", type=int, default=15_000, help="events to profile (%(default)s)")
    return parser.parse_args()


def _measure(given: argparse.Namespace) -> Result:
    before = machine.load()
    with fresh_deployment(_say) as deployment:
        raw, governed, outputs = measuring.side_by_side(deployment, given.events, given.runs, _say)
        calm = [
            measuring.latency(deployment, name, given.rate, given.seconds, _say) for name in ("throughput", "latency")
        ]
        memory, memory_run = measuring.memory(deployment, given.memory_events, _say)
        settings = deployment.settings()
        return Result(
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            command=" ".join(["python -m bench", *sys.argv[1:]]),
            machine=machine.describe(deployment.endpoints.database_url),
            load=(before, machine.load()),
            settings={name: getattr(settings, name) for name in _SHOWN} | {"partitions": PARTITIONS},
            events=given.events,
            outputs=outputs,
            raw=raw,
            governed=governed,
            latency=[one for one, _ in calm],
            idle=[one for _, one in calm],
            memory=memory,
            memory_run=memory_run,
        )


def _write(result: Result, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{result.date[:10]}-pipeline.md"
    page.write_text(markdown(result))
    page.with_suffix(".json").write_text(json.dumps(result.document(), indent=2, ensure_ascii=False) + "\n")
    return page


def main() -> None:
    """Measure or profile, as the arguments say."""
    given = _arguments()
    if given.profile:
        profile(given.profile_events)
        return
    try:
        page = _write(_measure(given), given.results)
    except LocalStackError as error:
        sys.exit(f"bench: {error}")
    sys.stdout.write(page.read_text())
    _say(f"written to {page} and {page.with_suffix('.json').name}")


if __name__ == "__main__":
    main()
