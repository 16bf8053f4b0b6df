"""What a benchmark found: figures, bars, and where they were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.figures import median
from bench.measuring import PHASES, Idle, Latency, Memory, Throughput

GOVERNING = ("decode", "map", "check", "encode")
"""Phases that are what Ordergate is for; everything else is its engine."""

OVERHEAD_US = 25.0
WHOLE_US = 150.0
LEAST_RATIO = 0.25
MOST_P99_MS = 25.0
MOST_IDLE = 0.01
"""Of a core."""
MOST_GROWTH = 1.05
"""Last quarter against first quarter; what fragments takes up a few percent."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One promise, with what was measured."""

    name: str
    limit: str
    measured: str
    met: bool


@dataclass(frozen=True, slots=True)
class Result:
    """One benchmark. `raw` and `governed` are the runs in the order in which they took turns."""

    date: str
    """ISO 8601."""
    command: str
    machine: Mapping[str, str]
    load: tuple[float, float]
    """The machine's load average before and after."""
    settings: Mapping[str, Any]
    events: int
    outputs: int
    raw: Sequence[Throughput]
    governed: Sequence[Throughput]
    latency: Sequence[Latency]
    """At a moderate rate, by profile."""
    idle: Sequence[Idle]
    """With nothing to do, by profile."""
    memory: Memory
    memory_run: Throughput

    @property
    def raw_rate(self) -> float:
        """Median events/s of the raw loop."""
        return median(run.events_per_second for run in self.raw)

    @property
    def governed_rate(self) -> float:
        """Median events/s of the worker."""
        return median(run.events_per_second for run in self.governed)

    @property
    def ratio(self) -> float:
        """Median over the turns of the worker's events/s divided by those of the raw loop just before it."""
        turns = zip(self.raw, self.governed, strict=True)
        return median(ours.events_per_second / raw.events_per_second for raw, ours in turns)

    @property
    def whole_us(self) -> float:
        """Median CPU of the worker per event, µs."""
        return median(run.cpu_us for run in self.governed)

    @property
    def raw_us(self) -> float:
        """Median CPU of the raw loop per event, µs."""
        return median(run.cpu_us for run in self.raw)

    @property
    def overhead_us(self) -> float:
        """Median CPU per event of everything but decoding, mapping, rules and Avro, µs."""
        return median(_overhead(run) for run in self.governed)

    def phase_us(self, phase: str) -> float:
        """Median CPU per event of a phase, µs."""
        return median(run.phases_us.get(phase, 0.0) for run in self.governed)

    @property
    def bars(self) -> list[Bar]:
        """Every promise, measured."""
        growth = self.memory.last_quarter / self.memory.first_quarter
        quick = next(one for one in self.latency if one.profile == "latency")
        busiest = max(one.cpu_share for one in self.idle)
        return [
            Bar(
                "engine overhead, CPU per event",
                f"≤ {OVERHEAD_US:.0f} µs", f"{self.overhead_us:.1f} µs", self.overhead_us <= OVERHEAD_US,
            ),
            Bar(
                "the whole, CPU per event",
                f"≤ {WHOLE_US:.0f} µs", f"{self.whole_us:.1f} µs", self.whole_us <= WHOLE_US,
            ),
            Bar(
                "events/s against the raw loop",
                f"≥ {LEAST_RATIO:g}", f"{self.ratio:.3f}", self.ratio >= LEAST_RATIO,
            ),
            Bar(
                f"memory over {self.memory.events:,} events, last quarter against first",
                f"≤ {MOST_GROWTH:g}", f"{growth:.3f}", growth <= MOST_GROWTH,
            ),
            Bar(
                f"p99 from raw append to visible at {quick.rate:g} events/s, latency profile",
                f"≤ {MOST_P99_MS:.0f} ms", f"{quick.p99:.1f} ms", quick.p99 <= MOST_P99_MS,
            ),
            Bar(
                "CPU of an idle worker, of a core",
                f"< {MOST_IDLE:.0%}", f"{busiest:.2%}", busiest < MOST_IDLE,
            ),
        ]  # fmt: skip

    def document(self) -> dict[str, Any]:
        """For machines: all of it, medians and every run."""
        return {
            "date": self.date,
            "command": self.command,
            "machine": dict(self.machine),
            "load_average": {"before": self.load[0], "after": self.load[1]},
            "settings": dict(self.settings),
            "events": self.events,
            "outputs": self.outputs,
            "medians": {
                "raw_events_per_second": self.raw_rate,
                "governed_events_per_second": self.governed_rate,
                "ratio": self.ratio,
                "raw_cpu_us": self.raw_us,
                "governed_cpu_us": self.whole_us,
                "engine_overhead_cpu_us": self.overhead_us,
                "phases_cpu_us": {phase: self.phase_us(phase) for phase in PHASES},
            },
            "bars": [asdict(bar) for bar in self.bars],
            "runs": {
                "raw": [asdict(run) for run in self.raw],
                "governed": [asdict(run) for run in self.governed],
            },
            "latency_ms": [asdict(one) for one in self.latency],
            "idle": [asdict(one) for one in self.idle],
            "memory_mib": {**asdict(self.memory), "run": asdict(self.memory_run)},
        }


def _overhead(run: Throughput) -> float:
    return run.cpu_us - sum(run.phases_us.get(phase, 0.0) for phase in GOVERNING)
