"""Replay one schedule and print what happens in it; a third argument names a rule that is taken out."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any

import structlog

from tests.simulation.rules import RULES
from tests.simulation.schedule import run


def tell(at: float, who: str, what: str) -> None:
    """One line of the trace."""
    sys.stdout.write(f"{at:9.4f}  {who:12} {what}\n")


def log_line(_logger: Any, level: str, event: dict[str, Any]) -> str:
    """A line of a worker's log: it belongs to the process whose line is next to it."""
    what = event.pop("event")
    if what != "batch":
        sys.stdout.write(f"{'':24}{level}: {what} {event}\n")
    raise structlog.DropEvent


if __name__ == "__main__":
    structlog.configure(processors=[log_line], wrapper_class=structlog.make_filtering_bound_logger(20))
    with RULES[sys.argv[3]].taken_out() if len(sys.argv) > 3 else nullcontext():
        verdict = run(int(sys.argv[1]), *sys.argv[2:3], tell=tell)
    sys.stdout.write(f"{verdict}\n")
    sys.exit(1 if verdict.violation else 0)
