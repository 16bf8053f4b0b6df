"""`ordergate check`: what is unsafe, why, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.markup import escape

from ingest.cli.deployment import settings
from ingest.cli.known_outputs import known_outputs
from ingest.cli.looked import Looked, Verdict
from ingest.cli.surroundings import SECTIONS
from ingest.cli.terminal import console, emit
from ingest.errors import BrokerAway, ConfigurationRefused, DatabaseAway

UNSAFE = 1
_STYLES = {Verdict.OK: "good", Verdict.WARN: "doubtful", Verdict.UNSAFE: "bad"}


def show() -> int:
    """Tell people; gives the exit code."""
    out = console()
    counted: Counter[Verdict] = Counter()
    for one in _looked():
        counted[one.verdict] += 1
        out.print(
            f"[{_STYLES[one.verdict]}]{one.verdict.value:<6}[/] [label]{one.area:<13}[/] "
            f"{escape(one.subject)}: {escape(one.found)}",
            soft_wrap=True,
        )
        if one.verdict is not Verdict.OK:
            out.print(f"       why  {escape(one.why)}\n       do   {escape(one.do)}", soft_wrap=True)
    ok, doubtful, unsafe = (counted[verdict] for verdict in Verdict)
    out.print(f"\n{ok} ok, {doubtful} to look at, {unsafe} unsafe", style="bold")
    return UNSAFE if unsafe else 0


def show_json() -> int:
    """One line of JSON a thing looked at; gives the exit code."""
    unsafe = False
    for one in _looked():
        unsafe |= one.verdict is Verdict.UNSAFE
        emit(
            {
                "area": one.area,
                "subject": one.subject,
                "verdict": one.verdict.value,
                "found": one.found,
                "why": one.why or None,
                "do": one.do or None,
            }
        )
    return UNSAFE if unsafe else 0


def _looked() -> Iterator[Looked]:
    """Everything; what cannot be reached is one line, and the rest is looked at all the same."""
    try:
        given = settings()
    except ConfigurationRefused as refused:
        yield from _refused(refused)
        return
    reached = True
    for section in SECTIONS:
        try:
            yield from section(given)
        except ConfigurationRefused as refused:
            reached = False
            yield from _refused(refused)
        except (DatabaseAway, BrokerAway) as away:
            reached = False
            why = "nothing works without it"
            yield Looked(section.__name__, away.what, Verdict.UNSAFE, away.known, why, away.do)
    if reached:  # what is away was told, and this asks everybody
        yield from known_outputs(given)


def _refused(refused: ConfigurationRefused) -> Iterator[Looked]:
    for problem in refused.problems:
        subject, _, found = problem.partition(": ")
        yield Looked("configuration", subject, Verdict.UNSAFE, found, refused.safe, refused.do)
