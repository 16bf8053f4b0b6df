"""`python -m bench --profile`: CPU per event of the pure pipeline by phase, function and line."""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter, defaultdict
from typing import Any

from bench.in_memory import InMemoryWorker, batches
from bench.sampler import Place, Samples, sampling
from ingest.clock import SystemTime
from ingest.demo.stream import stream
from ingest.raw_event import RawEvent
from ingest.worker.garbage import GarbageCollection
from ingest.worker.phases import Phases

_SEED = 7
_BATCH = 1000
_TOP = 45
_TOP_LINES = 45


class GarbageTime:
    """CPU time of the cyclic garbage collector: it falls on whatever line allocates, so it is told apart."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.collections: Counter[int] = Counter()
        self._started = 0.0

    def __call__(self, phase: str, info: dict[str, Any]) -> None:
        """What `gc.callbacks` calls before and after each collection."""
        if phase == "start":
            self._started = time.thread_time()
        else:
            self.seconds += time.thread_time() - self._started
            self.collections[info["generation"]] += 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def profile(events: int) -> None:
    """Govern so many events twice, once for the clock and once for the sampler, and print where time went."""
    now_ms = time.time_ns() // 1_000_000
    events -= events % _BATCH
    work = list(batches(stream(_SEED, events, now_ms - events * 800), _BATCH))
    garbage, phases, best = _clocked(work, now_ms * 1000)
    samples = _sampled(work, now_ms * 1000)
    per_event = 1e6 / events
    _say(f"{events:,} events of the demo stream in memory, batches of {_BATCH:,}; µs CPU per event")
    _say("mean of all batches, and of the batch in which that phase was fastest\n")
    measured = ("decode", "map", "check", "encode")
    for name in measured:
        _say(f"  {name:<10} {phases[name] * per_event:8.1f} {best[name] * 1e6 / _BATCH:8.1f}")
    total, least = sum(phases[name] for name in measured), sum(best[name] for name in measured)
    _say(f"  {'together':<10} {total * per_event:8.1f} {least * 1e6 / _BATCH:8.1f}")
    collected = sorted(garbage.collections.items())
    runs = ", ".join(f"{count} of generation {number}" for number, count in collected)
    _say(f"  of it garbage collection {garbage.seconds * per_event:.1f} ({runs})\n")
    scale = sum(phases.values()) * per_event / samples.total
    _print_table("own time by function", samples.own, scale, _TOP)
    _print_table("time by function with all it calls", samples.inside, scale, _TOP)
    _print_table("own time by line", samples.lines, scale, _TOP_LINES)


def _clocked(work: list[list[RawEvent]], now: int) -> tuple[GarbageTime, dict[str, float], dict[str, float]]:
    """CPU seconds: of garbage collection, by phase in all, and by phase in its fastest batch."""
    garbage = GarbageTime()
    phases = Phases(SystemTime())
    worker = InMemoryWorker(phases)
    total: defaultdict[str, float] = defaultdict(float)
    best: dict[str, float] = {}
    collection = GarbageCollection()
    collection.start()
    gc.callbacks.append(garbage)
    phases.take()
    for batch in work:
        worker.take(batch, now)
        collection.turn()
        _, cpu = phases.take()
        for phase, seconds in cpu.items():
            total[phase] += seconds
        best = {phase: min(seconds, best.get(phase, seconds)) for phase, seconds in cpu.items()}
    gc.callbacks.remove(garbage)
    collection.stop()
    return garbage, total, best


def _sampled(work: list[list[RawEvent]], now: int) -> Samples:
    worker = InMemoryWorker(Phases(SystemTime()))
    collection = GarbageCollection()
    collection.start()
    with sampling() as samples:
        for batch in work:
            worker.take(batch, now)
    collection.stop()
    return samples


def _print_table(title: str, counts: Counter[Place], scale: float, most: int) -> None:
    _say(f"{title}")
    for place, count in counts.most_common(most):
        _say(f"  {count * scale:7.2f}  {place.file}:{place.line} {place.function}")
    _say("")
