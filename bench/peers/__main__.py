"""`python -m bench.peers`: the same job by Ordergate and by its peers, and a dated result."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from bench import ROOT, machine
from bench.causes import Cause
from bench.deployment import PARTITIONS, ProcessFailed, fresh_deployment
from bench.peers import measuring
from bench.peers.candidates import ALL, SESSION_TIMEOUT_MS, Candidate
from bench.peers.environments import PackagesMissing, python_of, versions
from bench.peers.measuring import Kills, Latency, Throughput
from bench.peers.orders import orders
from bench.peers.report import markdown
from bench.peers.result import Measured, Result
from bench.peers.running import Stalled, Starter
from deploy.local.errors import LocalStackError

Figures = TypeVar("Figures")

_SIZED = 2_000
_MOST_HUNG = 3
_TOLD = ("quixstreams", "faststream", "confluent-kafka", "pydantic", "fastavro")


def _say(line: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {line}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description="Measure Ordergate beside its peers.")
    parser.add_argument("--events", type=int, default=30_000, help="raw events of each run (%(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each candidate, in turns (%(default)s)")
    parser.add_argument("--kills", type=int, default=10, help="kill -9 of each; 3,000 events for each (%(default)s)")
    parser.add_argument("--rate", type=float, default=200, help="events/s of the latency part (%(default)s)")
    parser.add_argument("--seconds", type=float, default=20, help="length of the latency part (%(default)s)")
    parser.add_argument("--only", nargs="+", choices=[one.name for one in ALL], help="these candidates")
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results", help="folder of the result files")
    return parser.parse_args()


def _pythons(wanted: Sequence[Candidate]) -> tuple[dict[str, str], dict[str, str]]:
    """The interpreter of each candidate by name, and of those without one the reason by title."""
    pythons: dict[str, str] = {}
    absent: dict[str, str] = {}
    for one in wanted:
        try:
            pythons[one.name] = python_of(one, _say)
        except PackagesMissing as error:
            absent[one.title] = str(error)
            _say(f"left out: {error}")
    return pythons, absent


class Comparison:
    """The figures as they come in. A candidate that fails in a run is left out from there on, with the reason."""

    def __init__(self, starter: Starter, candidates: Sequence[Candidate], given: argparse.Namespace) -> None:
        self._starter = starter
        self._given = given
        self.candidates = candidates
        self.runs: dict[str, list[Throughput]] = {one.name: [] for one in candidates}
        self.latencies: dict[str, Latency] = {}
        self.kills: dict[str, Kills] = {}
        self.failures: dict[str, str] = {}
        self.hung: Counter[str] = Counter()

    def measure(self) -> list[Measured]:
        """Throughput in turns, kills on the same raw events, then latency."""
        starter, given = self._starter, self._given
        raw = measuring.publish_orders(starter, given.events, _say)
        # A first run that does not count warms the broker up.
        self._try(self.candidates[0], partial(measuring.throughput, starter, self.candidates[0], raw, "0"))
        for number in range(1, given.runs + 1):
            for one in self._without_failure(number - 1):
                run = self._try(one, partial(self._throughput, one, raw, number))
                if run is not None:
                    self.runs[one.name].append(run)
        for one in self._without_failure(given.runs):
            if given.kills and one.kill:
                rate = self.runs[one.name][-1].events_per_second
                found = self._try(one, partial(measuring.killed, starter, one, raw, given.kills, rate))
                if found is not None:
                    self.kills[one.name] = found
        for one in self._without_failure(given.runs):
            if given.seconds:
                waits = self._try(one, partial(measuring.latency, starter, one, given.rate, given.seconds))
                if waits is not None:
                    self.latencies[one.name] = waits
        return [
            Measured(
                one, self.runs[one.name], self.latencies.get(one.name), self.kills.get(one.name),
                self.failures.get(one.name, ""), self.hung[one.name],
            )
            for one in self.candidates
        ]  # fmt: skip

    def _throughput(self, one: Candidate, raw: Mapping[Cause, bytes], number: int) -> Throughput:
        while True:
            try:
                return measuring.throughput(self._starter, one, raw, f"{number}.{self.hung[one.name]}")
            except Stalled as error:
                if self.hung[one.name] == _MOST_HUNG:
                    raise
                self.hung[one.name] += 1
                _say(f"{one.title} hung, and does it again: {error}")

    def _without_failure(self, runs: int) -> list[Candidate]:
        """Those who have come through all of so many runs."""
        return [one for one in self.candidates if len(self.runs[one.name]) == runs]

    def _try(self, one: Candidate, measure: Callable[[], Figures]) -> Figures | None:
        try:
            found = measure()
        except (Stalled, ProcessFailed, ValueError) as error:
            self.failures[one.name] = str(error)
            _say(f"{one.title} failed: {error}")
            return None
        _say(f"{one.title}: {found}")
        return found


def _measure(given: argparse.Namespace) -> Result:
    before = machine.load()
    wanted = [one for one in ALL if given.only is None or one.name in given.only]
    pythons, absent = _pythons(wanted)
    with fresh_deployment(_say) as deployment:
        starter = Starter(deployment, pythons, ROOT / ".run" / "bench-work")
        try:
            measured = Comparison(starter, [one for one in wanted if one.name in pythons], given).measure()
            parts = measuring.parts(starter)
        finally:
            starter.close()
        settings = deployment.settings()
        return Result(
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            command=" ".join(["python -m bench.peers", *sys.argv[1:]]),
            machine=machine.describe(deployment.endpoints.database_url),
            versions=_peer_versions(wanted),
            load=(before, machine.load()),
            settings={
                "partitions": PARTITIONS,
                "session_timeout_ms": SESSION_TIMEOUT_MS,
                "batch_size": settings.batch_size,
                "kills": given.kills,
                "latency events/s": given.rate,
                "latency seconds": given.seconds,
            },
            events=given.events,
            event_bytes=_mean_bytes(),
            measured=measured,
            parts_us=parts,
            absent=absent,
        )


def _peer_versions(wanted: Sequence[Candidate]) -> Mapping[str, str]:
    told: dict[str, str] = {}
    for packages in sorted({one.packages for one in wanted if one.packages}):
        locked = versions(packages)
        told |= {f"{packages}: {name}": locked[name] for name in _TOLD if name in locked}
    return told


def _mean_bytes() -> float:
    sizes = [len(told.record.value or b"") for told in orders(_SIZED)]
    return sum(sizes) / len(sizes)


def _write(result: Result, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{result.date[:10]}-peers.md"
    page.write_text(markdown(result))
    page.with_suffix(".json").write_text(json.dumps(result.document(), indent=2, ensure_ascii=False) + "\n")
    return page


def main() -> None:
    """Measure as the arguments say."""
    given = _arguments()
    try:
        page = _write(_measure(given), given.results)
    except LocalStackError as error:
        sys.exit(f"bench.peers: {error}")
    sys.stdout.write(page.read_text())
    _say(f"written to {page} and {page.with_suffix('.json').name}")


if __name__ == "__main__":
    main()
