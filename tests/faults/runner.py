"""Runs seeds over all kinds of faults in a few lanes side by side, and writes what was found.

Each lane is a process with a stack of its own: one that hangs or dies is ended and replaced, and the run goes on.
Results are kept line by line, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.process import read_pid_file, this_process, write_pid_file
from tests.faults import report
from tests.faults.case import Result, run
from tests.faults.found import FOUND
from tests.faults.kinds.catalogue import KINDS
from tests.faults.lane import Lane
from tests.integration.deployment import ROOT

_RUNS = ROOT / ".run" / "faults"
_CASE_ENDS_WITHIN_S = 400.0
Job = tuple[str, int]


def say(line: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {line}\n")
    sys.stderr.flush()


def jobs(seeds: int, first: int, only: str | None) -> list[Job]:
    """What was found once, then seeds in turns over the kinds; or over those alone whose name holds `only`."""
    names = [only] if only in KINDS else [name for name in KINDS if only is None or only in name]
    if not names:
        sys.exit(f"no kind of fault has {only!r} in its name; there are: {', '.join(KINDS)}")
    turns = [(names[seed % len(names)], seed) for seed in range(first, first + seeds)]
    return turns if only else [*FOUND, *(job for job in turns if job not in FOUND)]


def replay(job: Job) -> str:
    """The command that runs one case again."""
    return f"make faults SEED={job[1]} KIND='{job[0]}'"


class LaneProcess:
    """The process of one lane, asked for one case after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def run(self, job: Job) -> Result:
        """Run a case; a lane that dies or does not end in time is a violation of its own."""
        process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        given_up = threading.Timer(_CASE_ENDS_WITHIN_S, process.kill)
        given_up.start()
        try:
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            given_up.cancel()
        if answer:
            return Result(**json.loads(answer))
        code = process.wait()
        self.end()
        return Result(*job, violations=[f"the lane ended with {code}, or not within {_CASE_ENDS_WITHIN_S:.0f} s"])

    def _start(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults", "--lane", str(self._folder)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        return self._process

    def end(self) -> None:
        """End the process and remove its stack."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(120)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        Lane(self._folder).remove()


def serve(folder: Path) -> None:
    """Be a lane: a case per line of standard input, a result per line of standard output."""
    lane = Lane(folder)
    for line in sys.stdin:
        name, seed = json.loads(line)
        result = run(KINDS[name], seed, lane)
        sys.stdout.write(json.dumps(asdict(result)) + "\n")
        sys.stdout.flush()


def run_all(wanted: Iterable[Job], lanes: int, folder: Path) -> list[Result]:
    """Run what has no result in `folder` yet; gives all results."""
    kept = folder / "results.jsonl"
    done = [Result(**json.loads(line)) for line in kept.read_text().splitlines()] if kept.exists() else []
    todo: queue.SimpleQueue[Job] = queue.SimpleQueue()
    wanted = list(wanted)
    for job in wanted:
        if job not in {(one.kind, one.seed) for one in done}:
            todo.put(job)
    lock = threading.Lock()

    def work(number: int) -> None:
        lane = LaneProcess(folder / f"lane-{number}")
        try:
            while True:
                try:
                    job = todo.get_nowait()
                except queue.Empty:
                    return
                result = lane.run(job)
                with lock:
                    done.append(result)
                    with kept.open("a") as out:
                        out.write(json.dumps(asdict(result)) + "\n")
                    tell(result, f"{len(done)} of {len(wanted)}")
        finally:
            lane.end()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def tell(result: Result, count: str = "") -> None:
    """One case for people."""
    verdict = "VIOLATED" if result.violations else f"skipped ({result.skipped})" if result.skipped else "ok"
    say(
        f"{count} {verdict} {result.kind}, seed {result.seed}: {result.events} events, {result.faults} faults, "
        f"{result.restarts} restarts, {result.seconds:.0f} s ({result.story})"
    )
    for violation in result.violations:
        say(f"  {violation}\n  again: {replay((result.kind, result.seed))}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=len(KINDS), help="how many cases (one of each kind)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (%(default)s)")
    parser.add_argument("--seed", type=int, help="replay this one")
    parser.add_argument("--kind", help="only kinds with this in their name")
    parser.add_argument("--lanes", type=int, default=3, help="stacks side by side (%(default)s)")
    parser.add_argument("--results", type=Path, help="folder for the dated report; without it, none is written")
    parser.add_argument("--list", action="store_true", help="name the kinds")
    parser.add_argument("--lane", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.lane:
        serve(given.lane)
    elif given.list:
        sys.stdout.write("\n".join(KINDS) + "\n")
    else:
        sys.exit(_run(given))


def _run(given: argparse.Namespace) -> int:
    seeds, first = (1, given.seed) if given.seed is not None else (given.seeds, given.first)
    wanted = jobs(seeds, first, given.kind)
    started = datetime.now(UTC)
    folder = _RUNS / f"{first}-{seeds}-{(given.kind or 'all').replace(' ', '-')}"
    _owned(folder)
    results = run_all(wanted, min(given.lanes, len(wanted)), folder)
    (folder / "results.jsonl").unlink()
    if given.results:
        page = report.write(results, given.results, started, seeds, given.lanes)
        say(f"written to {page}")
    sys.stdout.write(report.table(results))
    violated = [one for one in results if one.violations]
    for one in violated:
        sys.stdout.write(f"violated: {replay((one.kind, one.seed))}\n")
    return 1 if violated else 0


def _owned(folder: Path) -> None:
    """Make a run's folder this process's own; lanes of a run that was killed are removed first."""
    folder.mkdir(parents=True, exist_ok=True)
    owner = folder / "owner.json"
    other = read_pid_file(owner)
    if other is not None and other.pid != os.getpid():
        sys.exit(f"the same run is under way in process {other.pid}")
    for left in folder.glob("lane-*/"):
        Lane(left).remove()
    write_pid_file(owner, this_process())
