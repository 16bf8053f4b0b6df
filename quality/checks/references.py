"""Whether what an order's parts point to exists (invariant X11), and leads somewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from quality.checks import Broken, Limits
from schemas.types import CanonicalOrder, Line

RULES: Final = frozenset({"references_exist", "parent_line_acyclic"})


def check(order: CanonicalOrder, limits: Limits, broken: Broken) -> None:  # noqa: ARG001 -- one signature for all checks
    """Lines named by fulfilments, adjustments and parent lines."""
    lines = order["lines"]
    fulfilments, adjustments = order["fulfilments"], order["adjustments"]
    nested = any(line["parent_line_id"] for line in lines)
    if not fulfilments and not adjustments and not nested:
        return
    known = {line["line_id"] for line in lines}
    if nested:
        _parents(lines, known, broken)
    for index, fulfilment in enumerate(fulfilments):
        for place, item in enumerate(fulfilment["items"]):
            if item["line_id"] not in known:
                broken(
                    "references_exist",
                    f"fulfilments[{index}].items[{place}].line_id",
                    "names no line of the order",
                )
    for index, adjustment in enumerate(adjustments):
        for place, adjusted in enumerate(adjustment["lines"]):
            if adjusted["line_id"] not in known:
                broken(
                    "references_exist",
                    f"adjustments[{index}].lines[{place}].line_id",
                    "names no line of the order",
                )


def _parents(lines: Sequence[Line], known: set[str], broken: Broken) -> None:
    circular = _circular({line["line_id"]: line["parent_line_id"] for line in lines})
    for index, line in enumerate(lines):
        parent = line["parent_line_id"]
        field = f"lines[{index}].parent_line_id"
        if parent is not None and parent not in known:
            broken("references_exist", field, "names no line of the order")
        elif line["line_id"] in circular:
            broken("parent_line_acyclic", field, "leads back to the line itself; expected none, or one above it")


def _circular(parents: dict[str, str | None]) -> set[str]:
    """The lines that are above themselves. Each line is walked once, however deep they are nested."""
    circular: set[str] = set()
    settled: set[str] = set()
    for line in parents:
        walked: dict[str, int] = {}
        step: str | None = line
        while step is not None and step not in settled and step not in walked:
            walked[step] = len(walked)
            step = parents.get(step)
        if step in walked:
            circular.update(list(walked)[walked[step] :])
        settled.update(walked)
    return circular
