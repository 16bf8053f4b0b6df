"""`python -m tests.model --rebalances 2 --crashes 1 --timeouts 1`: search a larger space than the tests do."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

from . import hand_over
from .model import check
from .rules import Rule
from .search import Found, SpaceTooLarge
from .variants import AS_BUILT, FOUND, REDUNDANT_ALONE
from .world import Faults, line


def main() -> int:
    """Search what the arguments say; exit code 1 when an invariant breaks."""
    parser = argparse.ArgumentParser(prog="python -m tests.model", description="Search the protocol for a violation.")
    for fault, default in Faults()._asdict().items():
        parser.add_argument(f"--{fault.replace('_', '-')}", type=int, default=default, help="(%(default)s)")
    parser.add_argument("--rows", type=int, default=2, help="journal rows to decide (%(default)s)")
    parser.add_argument("--most", type=int, default=5_000_000, help="give up past so many states (%(default)s)")
    names = [rule.name.lower() for rule in Rule]
    parser.add_argument(
        "--without", action="append", default=[], choices=names, metavar="RULE", help=f"take out: {', '.join(names)}"
    )
    parser.add_argument("--hand-over", action="store_true", help="the model of two partitions; has rows and crashes")
    parser.add_argument("--table", action="store_true", help="every variant that the tests search")
    given = vars(parser.parse_args())
    if given["table"]:
        return _table()
    if given["hand_over"]:
        return _report(hand_over.line, lambda: hand_over.check(given["rows"], given["crashes"]))
    faults = Faults(**{name: given[name] for name in Faults._fields})
    without = frozenset(Rule[name.upper()] for name in given["without"])
    return _report(line, lambda: check(faults, given["rows"], without, most=given["most"]))


def _report(shown: Callable[[Any], str], searched: Callable[[], Found[Any]]) -> int:
    started = time.monotonic()
    try:
        found = searched()
    except SpaceTooLarge as error:
        sys.exit(f"not shown: {error}")
    seconds = time.monotonic() - started
    sys.stdout.write(f"{found.states:,} states, {found.ends:,} of them ends, in {seconds:.1f} s\n")
    sys.stdout.write(f"{found.violation or 'no violation'}\n")
    for number, (name, world) in enumerate(found.trace):
        sys.stdout.write(f"{number:4}  {name}\n      {shown(world)}\n")
    return 1 if found.violation else 0


def _table() -> int:
    sys.stdout.write("| variant | states | result |\n|---|---|---|\n")
    for variant in (*AS_BUILT, *FOUND, *REDUNDANT_ALONE):
        found = variant.search()
        sys.stdout.write(f"| {variant.name} | {found.states:,} | {found.violation or 'no violation'} |\n")
    for how in hand_over.HandOver:
        found = hand_over.check(2, 1, how)
        sys.stdout.write(f"| hand-over: {how} | {found.states:,} | {found.violation or 'no violation'} |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
