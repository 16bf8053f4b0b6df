"""What is computed from measured batches and sightings."""

from __future__ import annotations

import pytest

from bench.causes import Cause
from bench.load import Sent
from bench.measuring import between, throughput, waits_ms
from bench.worker_process import BatchMetrics
from ingest.demo.records import Labelled, Mishap, RawRecord

MS = 1_000_000


def _sent(offset: int, at: int, mishap: Mishap | None = None) -> Sent:
    record = RawRecord("raw.web.orders.v1", None, b"{}", [], 0)
    return Sent(Cause("raw.web.orders.v1", 0, offset), at, Labelled(record, "web", "order.placed", None, mishap))


def test_a_run_counts_from_the_end_of_its_first_batch():
    """A cold start makes a run neither slower nor dearer, and the events of the first batch do not count."""
    batches = [
        {"at": 100.0, "cpu": 50.0, "events": 1000, "phases": {"map": 9.0}},
        {"at": 100.5, "cpu": 50.2, "events": 1000, "phases": {"map": 0.1, "kafka": 0.02}},
        {"at": 101.0, "cpu": 50.4, "events": 600, "phases": {"map": 0.06}},
    ]
    run = throughput(batches)
    assert run.events_per_second == pytest.approx(1600)
    assert run.cpu_us == pytest.approx(250)
    assert run.phases_us == pytest.approx({"map": 100, "kafka": 12.5})
    assert run.batch_events == 800


def test_a_run_of_one_batch_is_refused():
    """Nothing can be told from a cold batch alone."""
    with pytest.raises(ValueError, match="more events"):
        throughput([{"at": 1.0, "cpu": 1.0, "events": 10}])


def test_memory_counts_while_the_watched_events_are_decided():
    """Neither a worker that warms up nor one that runs out of work makes memory look less or more flat than it is."""
    batches = [{"at": float(at), "events": 1000} for at in range(1, 8)]
    samples = [(at + 0.5, float(at)) for at in range(8)]
    assert between(samples, batches, 2000, 5000) == [2, 3, 4]
    assert between(samples, batches, 9000, 10000) == []


def test_an_event_is_visible_when_its_first_output_is():
    """A later version with the same cause does not make the wait longer."""
    seen = [("raw.web.orders.v1", 0, 1, 30 * MS), ("raw.web.orders.v1", 0, 1, 90 * MS)]
    assert waits_ms([_sent(1, 10 * MS)], seen, 0) == [20]


def test_only_events_that_can_be_waited_for_count():
    """Left out: the warm-up, events that cause no order, and those that wait for their order on purpose."""
    sent = [
        _sent(1, 1 * MS),
        _sent(2, 10 * MS),
        _sent(3, 11 * MS),
        _sent(4, 12 * MS, Mishap.BEFORE_ITS_ORDER),
    ]
    seen = [("raw.web.orders.v1", 0, offset, 15 * MS) for offset in (1, 2, 4)]
    assert waits_ms(sent, seen, 10 * MS) == [5]


def test_an_event_that_waits_is_counted_once():
    """An event that waits for another partition is in two batches and decided in one: a run ends with its last."""
    metrics = BatchMetrics()
    metrics.outcomes({("web", "governed"): 3})
    metrics.batch({}, {}, 5, 0)
    metrics.outcomes({("web", "governed"): 1, ("shopify", "held"): 1})
    metrics.batch({}, {}, 2, 0)
    assert metrics.events == 5
    assert [batch.events for batch in metrics.batches] == [3, 2]
