"""Replay one schedule and print what happens in it."""

from __future__ import annotations

import sys

from tests.simulation.schedule import quiet, run


def tell(at: float, who: str, what: str) -> None:
    """One line of the trace."""
    sys.stdout.write(f"{at:9.4f}  {who:12} {what}\n")


if __name__ == "__main__":
    quiet()
    verdict = run(int(sys.argv[1]), *sys.argv[2:3], tell=tell)
    sys.stdout.write(f"{verdict}\n")
    sys.exit(1 if verdict.violation else 0)
