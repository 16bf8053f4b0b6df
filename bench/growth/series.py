"""A series: the same load at growing sizes, measured in turns, and what was promised of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.figures import median
from bench.growth.cost import Cost, median_cost
from bench.result import Bar


@dataclass(frozen=True, slots=True)
class Point:
    """One size, with its runs in the order of the turns."""

    x: float
    runs: Sequence[Cost]
    label: str = ""

    @property
    def median(self) -> Cost:
        """The median of each figure."""
        return median_cost(self.runs)


@dataclass(frozen=True, slots=True)
class Series:
    """What was measured of one kind of growth."""

    name: str
    title: str
    x_label: str
    """What grows, with its unit."""
    points: Sequence[Point]
    bars: Sequence[Bar] = ()
    notes: Sequence[str] = ()
    """What a reader has to know to judge the figures: each a sentence."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Settings and sizes, by name."""
    logarithmic: bool = True

    def document(self) -> dict[str, Any]:
        """For machines, and for `read`."""
        medians = [{"x": point.x, "label": point.label, **asdict(point.median)} for point in self.points]
        return asdict(self) | {"medians": medians}


def read(document: Mapping[str, Any]) -> Series:
    """The series of a document."""
    kept = {name: value for name, value in document.items() if name != "medians"}
    points = [Point(one["x"], [Cost(**run) for run in one["runs"]], one["label"]) for one in kept.pop("points")]
    bars = [Bar(**bar) for bar in kept.pop("bars")]
    return Series(points=points, bars=bars, **kept)


def rate_ratio(point: Point, base: Point) -> float:
    """Events/s of a point divided by those of another in the same turn: the median over the turns."""
    turns = zip(point.runs, base.runs, strict=True)
    return median(one.events_per_second / other.events_per_second for one, other in turns)


def cpu_ratio(point: Point, base: Point) -> float:
    """CPU per event, worker and PostgreSQL together, of a point divided by that of another: the median over the turns.

    Points whose runs took no turns with each other are compared by their medians.
    """
    if len(point.runs) != len(base.runs):
        return cpu_us(point.median) / cpu_us(base.median)
    return median(cpu_us(one) / cpu_us(other) for one, other in zip(point.runs, base.runs, strict=True))


def cpu_us(cost: Cost) -> float:
    """CPU per event of worker and PostgreSQL together."""
    return cost.worker_us + cost.postgres_us


def spread(point: Point) -> float:
    """How far the runs of a point lie apart: the range of their events/s over its median."""
    rates = [run.events_per_second for run in point.runs]
    return (max(rates) - min(rates)) / median(rates)


def at_least(name: str, limit: float, measured: float) -> Bar:
    """A promise that a ratio does not fall below a limit."""
    return Bar(name, f"≥ {limit:.0%}", f"{measured:.1%}", measured >= limit)


def at_most(name: str, limit: float, measured: float) -> Bar:
    """A promise that a ratio does not rise above a limit."""
    return Bar(name, f"≤ {limit:.0%}", f"{measured:.1%}", measured <= limit)
