"""Whether what an order's parts point to exists (invariant X11)."""

from __future__ import annotations

from typing import Final

from quality.checks import Broken, Limits
from schemas.types import CanonicalOrder

RULES: Final = frozenset({"references_exist"})


def check(order: CanonicalOrder, limits: Limits, broken: Broken) -> None:  # noqa: ARG001 -- one signature for all checks
    """Lines named by fulfilments, adjustments and parent lines."""
    lines = order["lines"]
    fulfilments, adjustments = order["fulfilments"], order["adjustments"]
    if not fulfilments and not adjustments and not any(line["parent_line_id"] for line in lines):
        return
    known = {line["line_id"] for line in lines}
    for index, line in enumerate(lines):
        parent = line["parent_line_id"]
        if parent is not None and parent not in known:
            broken("references_exist", f"lines[{index}].parent_line_id", "names no line of the order")
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
