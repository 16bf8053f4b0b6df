"""Whether an order's parts make its two totals: the one agreed and the current one (invariant X5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from quality.checks import Broken, rounded, text
from schemas.types import CanonicalOrder

RULES: Final = frozenset({"total_equation", "total_original_equation", "total_current_equation"})


def check(
    order: CanonicalOrder, values: Mapping[str, int], cancelled: int, exponent: int, unit: int, broken: Broken
) -> None:
    """items + shipping + tax (if not in prices) + fees + tip - discount - gift cards = total.

    The total agreed is the sum of the parts at placement. It stays when a line is added, which makes the parts more.
    The current total is the sum of the parts less what was cancelled (`cancelled`: units, of any lines). Refunds
    change neither. Only one of the two totals fits where a source works its sums out anew with every change; so
    `total_equation` is broken when both are wrong, and each total has a rule of its own.
    Tolerance: one minor unit per line. `values` are the totals, at the exponent, at which `unit` is a minor unit.
    """
    expected = (
        values["items_gross"]
        + values["shipping"]
        + values["fees"]
        + values["tip"]
        - values["discount"]
        - values["gift_card"]
    )
    if not order["prices_include_tax"]:
        expected += values["tax"]
    original, current = values["total_original"], values["total_current"]
    if original == expected == current and not cancelled:
        return
    tolerance = max(1, len(order["lines"])) * unit
    least, most = _left(order, expected, exponent)
    current_fits = least - tolerance <= current <= most + tolerance

    if abs(original - expected) <= tolerance:
        if not current_fits and order["lines"]:
            left = text(most, exponent) if least == most else f"{text(least, exponent)} to {text(most, exponent)}"
            broken(
                "total_current_equation",
                "totals.total_current",
                f"is {text(current, exponent)}; of the {text(expected, exponent)} {order['currency']} that the parts "
                f"add up to, what was cancelled leaves {left}",
            )
    elif not (original < expected and current_fits and _may_have_grown(order)):
        broken(
            "total_equation" if abs(current - expected) > tolerance else "total_original_equation",
            "totals.total_original",
            f"the parts add up to {text(expected, exponent)} {order['currency']}; the total is "
            f"{text(original, exponent)}, the current total {text(current, exponent)}",
        )


def _may_have_grown(order: CanonicalOrder) -> bool:
    """Whether lines may have been added: not to an order as it was placed."""
    return order["source_version"] != "1"


def _left(order: CanonicalOrder, whole: int, exponent: int) -> tuple[int, int]:
    """The least and the most an order can be worth after what was cancelled.

    A line is worth its total, and its taxes where prices leave them out: the cancelled units' share goes. What is
    charged beside the lines (shipping, fees, tip) may be taken back once something is cancelled. An order cancelled
    as a whole may be worth nothing, whatever its lines say.
    """
    gone = left = 0
    for line in order["lines"]:
        worth, quantity = rounded(line["total"], exponent), line["quantity"]
        if not order["prices_include_tax"]:
            worth += rounded(line["tax_total"], exponent)
        share = _share(worth, quantity["cancelled"], quantity["ordered"])
        gone += share
        left += worth - share
    most = max(0, whole - gone)
    if order["cancelled_at"] is not None:
        return 0, most
    return (min(left, most) if gone else most), most


def _share(worth: int, cancelled: int, ordered: int) -> int:
    """The cancelled units' part of a line's worth, halves up."""
    if not 0 < cancelled <= ordered:
        return 0
    return (2 * worth * cancelled + ordered) // (2 * ordered)
