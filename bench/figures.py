"""Small statistics: medians and percentiles, of few numbers and exactly as defined."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median

__all__ = ["median", "percentile", "quarters"]


def percentile(values: Iterable[float], share: float) -> float:
    """The nearest-rank percentile: the least value that a `share` (0 to 1) of the values do not exceed.

    Raises ValueError when there are no values or the share is outside 0 to 1.
    """
    ordered = sorted(values)
    if not ordered or not 0 <= share <= 1:
        raise ValueError("a percentile needs at least one value and a share between 0 and 1")
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


def quarters(values: Sequence[float]) -> tuple[float, float]:
    """Medians of the first and the last quarter of a series. Raises ValueError for less than four values."""
    size = len(values) // 4
    if not size:
        raise ValueError("quarters of a series need at least four values")
    return median(values[:size]), median(values[-size:])
