"""What the comparison found: figures of each candidate, and where they were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.figures import median
from bench.peers.candidates import ORDERGATE, Candidate
from bench.peers.measuring import Kills, Latency, Throughput


@dataclass(frozen=True, slots=True)
class Measured:
    """One candidate's figures. What failed is None, and `failure` says why."""

    candidate: Candidate
    runs: Sequence[Throughput]
    latency: Latency | None
    kills: Kills | None
    failure: str
    hung: int = 0
    """Runs that came to a standstill and were done again from the start."""

    @property
    def rate(self) -> float:
        """Median events/s; 0 without a run."""
        return median(run.events_per_second for run in self.runs) if self.runs else 0.0

    @property
    def cpu_us(self) -> float:
        """Median CPU per event, µs; 0 without a run."""
        return median(run.cpu_us for run in self.runs) if self.runs else 0.0

    @property
    def peak_mib(self) -> float:
        """The greatest peak of memory of all runs."""
        return max((run.peak_mib for run in self.runs), default=0.0)


@dataclass(frozen=True, slots=True)
class Result:
    """One comparison; `measured` in the order in which the candidates took turns."""

    date: str
    """ISO 8601."""
    command: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    """Of the peers' packages."""
    load: tuple[float, float]
    """The machine's load average before and after."""
    settings: Mapping[str, Any]
    events: int
    event_bytes: float
    """Mean size of a raw event's value."""
    measured: Sequence[Measured]
    parts_us: Mapping[str, float]
    absent: Mapping[str, str]
    """Candidates that could not be installed, and why."""

    def of(self, candidate: Candidate) -> Measured | None:
        """A candidate's figures, None when it did not take part."""
        return next((one for one in self.measured if one.candidate.name == candidate.name), None)

    def ratio(self, peer: Measured) -> float | None:
        """Median over the turns of Ordergate's events/s divided by the peer's of the same turn."""
        ours = self.of(ORDERGATE)
        if ours is None or not ours.runs or len(ours.runs) != len(peer.runs):
            return None
        turns = zip(ours.runs, peer.runs, strict=True)
        return median(one.events_per_second / other.events_per_second for one, other in turns)

    def document(self) -> dict[str, Any]:
        """The whole as JSON."""
        return asdict(self)
