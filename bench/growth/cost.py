"""What an event costs: events/s, CPU of the worker, CPU and log of PostgreSQL, from one span of a run."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bench.figures import median

Batches = Sequence[Mapping[str, Any]]
"""A worker's batches as `bench.worker_process` writes them: `at`, `cpu`, `events`."""


class Sample(NamedTuple):
    """PostgreSQL at one moment (seconds, monotonic): CPU seconds of all its processes, bytes of WAL written."""

    at: float
    cpu: float
    wal: float


@dataclass(frozen=True, slots=True)
class Cost:
    """One span of a run. CPU is all threads of the processes, user and system, in microseconds per event."""

    events: int
    events_per_second: float
    worker_us: float
    postgres_us: float
    wal_bytes: float
    """Bytes per event that PostgreSQL wrote to its write-ahead log."""


def cost(workers: Sequence[Batches], samples: Sequence[Sample]) -> Cost:
    """The cost of the batches of workers that ran at the same time.

    Each worker's first batch, which starts cold, only sets its clock; the span is that in which all of them
    worked. Raises ValueError when a worker has less than two batches in it.
    """
    if any(len(batches) < 2 for batches in workers):
        raise ValueError("a span needs two batches of each worker; give the run more events")
    begin = max(batches[0]["at"] for batches in workers)
    end = min(batches[-1]["at"] for batches in workers)
    events, rate, cpu = 0, 0.0, 0.0
    for batches in workers:
        inside = [batch for batch in batches if begin <= batch["at"] <= end]
        if len(inside) < 2:
            raise ValueError("the workers hardly worked at the same time; give the run more events")
        first, *rest = inside
        count = sum(batch["events"] for batch in rest)
        events += count
        rate += count / (rest[-1]["at"] - first["at"])
        cpu += rest[-1]["cpu"] - first["cpu"]
    before, after = sample_at(samples, begin), sample_at(samples, end)
    per_event = 1 / ((end - begin) * rate)
    return Cost(
        events=events,
        events_per_second=rate,
        worker_us=cpu / events * 1e6,
        postgres_us=(after.cpu - before.cpu) * per_event * 1e6,
        wal_bytes=(after.wal - before.wal) * per_event,
    )


def sample_at(samples: Sequence[Sample], at: float) -> Sample:
    """PostgreSQL at a moment between two samples, as if it had worked evenly between them.

    Raises ValueError for a moment before the first sample or after the last one.
    """
    index = bisect_left(samples, at, key=lambda sample: sample.at)
    if index == len(samples) or at < samples[0].at:
        raise ValueError("PostgreSQL was not watched at that time")
    if samples[index].at == at:
        return samples[index]
    left, right = samples[index - 1], samples[index]
    share = (at - left.at) / (right.at - left.at)
    return Sample(at, left.cpu + share * (right.cpu - left.cpu), left.wal + share * (right.wal - left.wal))


def median_cost(costs: Sequence[Cost]) -> Cost:
    """The median of each figure by itself; the events of all."""
    return Cost(
        events=sum(one.events for one in costs),
        events_per_second=median(one.events_per_second for one in costs),
        worker_us=median(one.worker_us for one in costs),
        postgres_us=median(one.postgres_us for one in costs),
        wal_bytes=median(one.wal_bytes for one in costs),
    )
