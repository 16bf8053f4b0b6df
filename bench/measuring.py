"""The measurements: what is run, in which order, and which figures come out of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from bench.causes import Cause
from bench.deployment import COPIES, OUTPUTS, RAW_TOPICS, Child, Deployment
from bench.figures import median, percentile, quarters
from bench.load import Sent, fresh_records, publish, publish_paced
from deploy.local.report import Report
from ingest.settings import PREFIX
from producers.topics import ORDERS

PHASES = ("read", "decode", "map", "check", "encode", "postgres", "kafka", "other")
WARM_UP_S = 90.0
"""A Java broker compiles its way of small transactions while it does them: until then it answers at half the speed."""
_SETTLE_S = 2.0
_CALM_S = 5.0
_RUN_S = 900.0
_AROUND = 50_000
"""Events before those over which memory is watched, until the worker's caches and its client's queue are full, and
as many after them, so that the queue does not run empty meanwhile."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """One run over all events, from the end of its first batch on."""

    events_per_second: float
    cpu_us: float
    """CPU of the process per event, all threads, microseconds."""
    phases_us: Mapping[str, float]
    """The same by phase; empty for the raw loop."""
    batch_events: float
    """Median size of a batch."""


@dataclass(frozen=True, slots=True)
class Latency:
    """From raw append to visible for a read-committed consumer of the orders, in milliseconds."""

    profile: str
    rate: float
    events: int
    """Raw events that became visible as a version of an order, without the warm-up's."""
    p50: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class Idle:
    """A worker with nothing to do."""

    profile: str
    seconds: float
    cpu_share: float
    """CPU time of its process, all threads, by time that went by: 1 is a whole core."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of a worker at work, warmed up and with more to do than is watched, once a second, MiB."""

    events: int
    """Decided meanwhile."""
    samples: Sequence[float]
    first_quarter: float
    last_quarter: float


def throughput(batches: Sequence[Mapping[str, Any]]) -> Throughput:
    """The figures of a run's batches. The first one, which starts cold, only sets the clock."""
    if len(batches) < 2:
        raise ValueError("a run needs two batches or more; give it more events")
    first, rest = batches[0], batches[1:]
    events = sum(batch["events"] for batch in rest)
    phases: dict[str, float] = {}
    for batch in rest:
        for phase, seconds in batch.get("phases", {}).items():
            phases[phase] = phases.get(phase, 0.0) + seconds
    return Throughput(
        events_per_second=events / (rest[-1]["at"] - first["at"]),
        cpu_us=(rest[-1]["cpu"] - first["cpu"]) / events * 1e6,
        phases_us={phase: seconds / events * 1e6 for phase, seconds in phases.items()},
        batch_events=median(batch["events"] for batch in rest),
    )


def side_by_side(
    deployment: Deployment, events: int, runs: int, report: Report
) -> tuple[list[Throughput], list[Throughput], int]:
    """Raw loop and worker in turns on the same raw events; gives the runs of both, and the number of outputs.

    A first run of the worker does not count: it warms the broker up and makes the outputs to be copied.
    """
    deployment.fresh_topics(RAW_TOPICS, OUTPUTS)
    report(f"publishing {events:,} raw events")
    publish(deployment.servers, fresh_records(events))
    report(f"warm-up: {_line(_govern(deployment, 'warm-up', events))}")
    raw: list[Throughput] = []
    governed: list[Throughput] = []
    outputs = 0
    for number in range(1, runs + 1):
        deployment.fresh_topics(COPIES.values())
        one, outputs = _copy(deployment, f"raw-{number}", events)
        raw.append(one)
        report(f"raw loop {number}: {_line(one)}")
        deployment.fresh_topics(OUTPUTS)
        governed.append(_govern(deployment, f"governed-{number}", events))
        report(f"governed {number}: {_line(governed[-1])}")
    return raw, governed, outputs


def latency(deployment: Deployment, profile: str, rate: float, seconds: float, report: Report) -> tuple[Latency, Idle]:
    """A worker of a profile at a moderate rate, watched by another process; then, for as long, with nothing to do."""
    report(f"latency of the {profile} profile at {rate:g} events/s for {seconds:g} s")
    name = f"latency_{profile}"
    deployment.fresh_topics(RAW_TOPICS, OUTPUTS)
    database_url = deployment.fresh_database(name)
    settings = {f"{PREFIX}PROFILE": profile}
    worker = deployment.start("worker_process", name, database_url=database_url, settings=settings)
    worker.wait_ready()
    reader = deployment.start("visible", "visible", "--servers", deployment.servers, "--topic", ORDERS.name)
    reader.wait_ready()
    sent = publish_paced(deployment.servers, rate, WARM_UP_S + seconds)
    time.sleep(_SETTLE_S)
    waits = waits_ms(sent, reader.stop(), sent[0].at + int(WARM_UP_S * 1e9))
    found = Latency(profile, rate, len(waits), percentile(waits, 0.5), percentile(waits, 0.99), max(waits))
    report(f"p50 {found.p50:.1f} ms, p99 {found.p99:.1f} ms, longest {found.most:.1f} ms; now idle")
    time.sleep(_CALM_S)
    idle = Idle(profile, seconds, _cpu_share(worker, seconds))
    report(f"idle: {idle.cpu_share:.2%} of a core")
    worker.stop()
    return found, idle


def _cpu_share(child: Child, seconds: float) -> float:
    process = psutil.Process(child.process.pid)
    before, begin = process.cpu_times(), time.monotonic()
    time.sleep(seconds)
    after, end = process.cpu_times(), time.monotonic()
    return (after.user + after.system - before.user - before.system) / (end - begin)


def waits_ms(sent: Iterable[Sent], seen: Iterable[Sequence[Any]], since: int) -> list[float]:
    """Milliseconds from the append of each raw event from `since` on to the first sight of its outcome.

    `seen`: topic, partition, offset of the cause, and when. Left out are raw events that cause no order, and
    those sent before their order on purpose, which wait for that.
    """
    visible: dict[Cause, int] = {}
    for topic, partition, offset, at in seen:
        visible.setdefault(Cause(topic, partition, offset), at)
    return [
        (visible[one.cause] - one.at) / 1e6
        for one in sent
        if one.at >= since and not one.waits and one.cause in visible
    ]


def memory(deployment: Deployment, events: int, report: Report) -> tuple[Memory, Throughput]:
    """A long run, its resident memory once a second while so many events are decided in the midst of it."""
    report(f"memory over {events:,} events, after {_AROUND:,} others and before as many")
    deployment.fresh_topics(RAW_TOPICS, OUTPUTS)
    publish(deployment.servers, fresh_records(events + 2 * _AROUND))
    worker = _worker(deployment, "memory", events + 2 * _AROUND)
    worker.wait_ready()
    process = psutil.Process(worker.process.pid)
    samples: list[tuple[float, float]] = []

    def sample() -> None:
        samples.append((time.monotonic(), process.memory_info().rss / 2**20))

    batches = worker.wait(_RUN_S, sample)["batches"]
    watched = between(samples, batches, _AROUND, _AROUND + events)
    first, last = quarters(watched)
    return Memory(events, watched, first, last), throughput(batches)


def between(
    samples: Iterable[tuple[float, float]], batches: Iterable[Mapping[str, Any]], first: int, last: int
) -> list[float]:
    """The samples, each with its moment (seconds, monotonic), taken once `first` events were decided, up to `last`."""
    decided = 0
    moments: list[float] = []
    for batch in batches:
        decided += batch["events"]
        if first <= decided <= last:
            moments.append(batch["at"])
    return [value for at, value in samples if moments and moments[0] <= at <= moments[-1]]


def _govern(deployment: Deployment, name: str, events: int) -> Throughput:
    return throughput(_worker(deployment, name, events).wait(_RUN_S)["batches"])


def _worker(deployment: Deployment, name: str, events: int) -> Child:
    database_url = deployment.fresh_database(name)
    return deployment.start("worker_process", name, "--events", str(events), database_url=database_url)


def _copy(deployment: Deployment, name: str, events: int) -> tuple[Throughput, int]:
    settings = deployment.settings()
    transaction = {
        "transaction_timeout_ms": settings.transaction_timeout_ms,
        "retry_backoff_ms": settings.retry_backoff_ms,
        "statistics_interval_ms": settings.statistics_interval_ms,
    }
    child = deployment.start(
        "raw_loop", name, "--servers", deployment.servers, "--name", name, "--sources", *RAW_TOPICS,
        "--copies", json.dumps(COPIES), "--events", str(events), "--batch-size", str(settings.batch_size),
        "--transaction", json.dumps(transaction),
    )  # fmt: skip
    result = child.wait(_RUN_S)
    return throughput(result["batches"]), result["outputs"]


def _line(one: Throughput) -> str:
    return (
        f"{one.events_per_second:,.0f} events/s, {one.cpu_us:.0f} µs CPU per event, median batch {one.batch_events:.0f}"
    )
