"""The numbers of the simulation, as docs/proof/simulation.md: `python -m tests.simulation.report [SCHEDULES]`."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

from tests.simulation.auditor import seen_from_outside
from tests.simulation.climates import CLIMATES
from tests.simulation.rules import RULES, Rule
from tests.simulation.schedule import Verdict, quiet, replay_command, run

PAGE = Path(__file__).parents[2] / "docs" / "proof" / "simulation.md"
MOST_SCHEDULES = 2000
"""A rule that so many schedules do not miss counts as not needed: the rarest show once in several hundred."""


def find(rule: Rule) -> Verdict | None:
    """The first schedule that does harm without the rule; seeds count from 1."""
    with rule.taken_out(), seen_from_outside():
        return next((v for seed in range(1, MOST_SCHEDULES + 1) if (v := run(seed, rule.climate)).violation), None)


def main(schedules: int) -> int:
    """Run everything and write the page; gives the number of broken promises."""
    started = time.process_time()
    verdicts = [run(seed) for seed in range(1, schedules + 1)]
    seconds = time.process_time() - started
    broken = [verdict for verdict in verdicts if verdict.violation]
    lines = [
        "# What simulated time shows",
        "",
        "The real worker, recovery and pipeline run against a simulated Kafka and a simulated PostgreSQL; a seed "
        "decides every latency, fault and interleaving. `tests/simulation/` is all of it, `make test` runs it, and "
        "`python -m tests.simulation SEED CLIMATE` replays one schedule step by step. This page is written by "
        "`python -m tests.simulation.report`.",
        "",
        f"{schedules:,} schedules (seeds 1 to {schedules:,}), {sum(v.events for v in verdicts):,} raw events, "
        f"{seconds:.0f} s of CPU: **{len(broken)} broken promises**.",
        "",
        "| climate | what fails in it | schedules | halts with a cause | slowest to settle, s | broken |",
        "|---|---|---|---|---|---|",
    ]
    for name, (make, _) in CLIMATES.items():
        mine = [verdict for verdict in verdicts if verdict.climate == name]
        what = (make.__doc__ or "").strip().rstrip(".")
        slowest = max((verdict.settled_s for verdict in mine), default=0.0)
        bad = sum(1 for verdict in mine if verdict.violation)
        lines.append(f"| {name} | {what} | {len(mine)} | {sum(v.halted for v in mine)} | {slowest:.1f} | {bad} |")
    lines += [
        "",
        "Slowest to settle: simulated seconds from the last fault or event until everything was decided and visible.",
        "",
        "## Each rule is needed",
        "",
        "One rule is taken out, everything else stays; schedules are run from seed 1 on until one does harm that a "
        "reader of the outputs or an operator sees.",
        "",
        "| rule taken out | what it is for | climate | found by schedule | how it showed |",
        "|---|---|---|---|---|",
    ]
    missed = Counter[str]()
    for rule in RULES.values():
        found = find(rule)
        missed["not found"] += found is None
        place = f"{found.seed}" if found else f"not within {MOST_SCHEDULES}"
        how = (found.violation or "").partition(";")[0].partition(":")[0] if found else ""
        lines.append(f"| {rule.name} | {rule.promise} | {rule.climate} | {place} | {how} |")
    lines += [
        "",
        "*Metadata bound to the batch* needs company: the worker polls nowhere between deciding and publishing, and a "
        "take-over fences the producer of whoever was overtaken. Its variant lacks both; with metadata as it was read, "
        "the same variant breaks nothing.",
        "",
    ]
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text("\n".join(lines), "utf-8")
    for verdict in broken:
        sys.stderr.write(f"{replay_command(verdict)}\n    {verdict.violation}\n")
    return len(broken) + missed["not found"]


if __name__ == "__main__":
    quiet()
    sys.exit(1 if main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000) else 0)
