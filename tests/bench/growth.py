"""Costs and series with round figures, for tests."""

from __future__ import annotations

from bench.growth.cost import Cost
from bench.growth.series import Point, Series, at_least, at_most


def a_cost(rate: float, worker: float, postgres: float = 50.0) -> Cost:
    return Cost(10_000, rate, worker, postgres, 4096.0)


STORED = Series(
    "orders",
    "Stored orders",
    "orders stored (rows)",
    [
        Point(10_000, [a_cost(1000, 200), a_cost(2000, 210), a_cost(1500, 220)]),
        Point(10_000_000, [a_cost(900, 210), a_cost(1400, 215), a_cost(1425, 260)], "a year's"),
    ],
    [at_least("events/s with 10,000,000 stored orders against 10,000", 0.8, 0.9)],
    ["Changes fall evenly on all stored orders."],
    {"tables": {"10,000": {"orders": [10_000, 2**20]}, "10,000,000": {"orders": [10_000_000, 20 * 2**30]}}},
)

PURGING = Series(
    "purging",
    "Purging",
    "",
    [Point(0, [a_cost(1000, 200)], "not purged"), Point(1, [a_cost(930, 215)], "purged beside the load")],
    [at_most("events/s that purging costs", 0.05, 0.07)],
    [],
    logarithmic=False,
)
