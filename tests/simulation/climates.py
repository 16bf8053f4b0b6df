"""The climates: which faults may come together in a schedule."""

from __future__ import annotations

from random import Random

from tests.simulation.weather import Climate


class Justified(AssertionError):
    """A partition halted without a cause in the schedule, or did not halt although there was one."""


def _mixed(random: Random) -> Climate:
    return Climate(
        calm_at=random.uniform(8, 24),
        slowness=random.choice((0.0, 0.02, 0.1)),
        kafka=random.choice((0.0, 0.01, 0.03)),
        database=random.choice((0.0, 0.01, 0.03)),
        kills=random.randint(0, 3),
        freezes=random.randint(0, 2),
        rebalances=random.randint(0, 3),
        broker_restarts=int(random.random() < 0.15),
        database_restarts=int(random.random() < 0.15),
        hangs=random.random() < 0.1,
    )


def _fair(random: Random) -> Climate:
    return Climate(calm_at=random.uniform(4, 8), slowness=0.05)


CLIMATES = {"mixed": _mixed, "fair": _fair}


def draw_climate(name: str, random: Random) -> Climate:
    """A climate of a kind."""
    return CLIMATES[name](random)
