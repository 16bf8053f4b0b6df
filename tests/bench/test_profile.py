"""The profiler finds where time goes, in a pipeline that does what a worker does."""

from __future__ import annotations

from bench.in_memory import InMemoryWorker, batches
from bench.sampler import sampling
from ingest.clock import SystemTime
from ingest.demo.stream import stream
from ingest.worker.phases import Phases

NOW = 1_800_000_000_000_000


def _govern(size: int) -> list[tuple]:
    worker = InMemoryWorker(Phases(SystemTime()))
    records = []
    for batch in batches(stream(5, 300, NOW // 1000), size):
        records += [(*record[:3], tuple(record.headers)) for record in worker.take(batch, NOW)]
    return records


def test_the_profiled_pipeline_publishes_the_same_whatever_its_batches():
    """State kept between batches is really read back: one batch or many, the same records come out."""
    assert _govern(300) == _govern(40) != []


def _spin_until_sampled(samples) -> None:
    while samples.total < 20:
        sum(range(1000))


def test_the_sampler_finds_the_function_that_burns_time():
    """Samples fall on the busy function, and on its callers as time with all that it calls."""
    with sampling() as samples:
        _spin_until_sampled(samples)
    (busiest, own), *_ = samples.own.most_common(1)
    assert busiest.function == "_spin_until_sampled"
    assert busiest.file == "tests/bench/test_profile.py"
    assert own > samples.total / 2
    caller = {place.function: count for place, count in samples.inside.items()}
    assert caller["test_the_sampler_finds_the_function_that_burns_time"] >= own
