"""What an event cost is computed from a worker's batches and PostgreSQL's samples."""

from __future__ import annotations

from itertools import accumulate

import pytest

from bench.growth.cost import Sample, cost, median_cost, sample_at
from bench.growth.history import by_age, by_turn
from tests.bench.growth import a_cost

# PostgreSQL at work for a tenth of the time, writing 1,000 bytes a second.
SAMPLES = [Sample(at, at / 10, at * 1000) for at in (0.0, 3.0, 20.0)]


def _batches(*rows: tuple[float, float, int]) -> list[dict]:
    return [{"at": at, "cpu": cpu, "events": events} for at, cpu, events in rows]


def test_a_span_is_counted_from_the_end_of_its_first_batch():
    """Events, worker, PostgreSQL and log are of the same span: a cold start makes nothing dearer."""
    one = cost([_batches((1.0, 5.0, 1000), (1.5, 5.2, 1000), (2.0, 5.4, 600))], SAMPLES)
    assert one.events == 1600
    assert one.events_per_second == pytest.approx(1600)
    assert one.worker_us == pytest.approx(250)
    assert one.postgres_us == pytest.approx(62.5)
    assert one.wal_bytes == pytest.approx(0.625)


def test_workers_count_only_while_all_of_them_work():
    """What one did before the other had started, or after it had ended, is left out of all figures."""
    early = _batches((1.0, 0.0, 9999), (4.0, 3.0, 9999), (6.0, 3.2, 400), (8.0, 3.4, 400))
    late = _batches((4.0, 1.0, 9999), (6.0, 1.1, 100), (8.0, 1.3, 100), (9.0, 9.0, 9999))
    both = cost([early, late], SAMPLES)
    assert both.events == 1000
    assert both.events_per_second == pytest.approx(250)
    assert both.worker_us == pytest.approx(700)
    assert both.postgres_us == pytest.approx(400)


def test_workers_that_took_turns_are_refused():
    """Nothing is told of two workers at once from workers that never were at work at once."""
    with pytest.raises(ValueError, match="more events"):
        cost([_batches((1, 0, 1), (2, 0, 1)), _batches((3, 0, 1), (4, 0, 1))], SAMPLES)


def test_a_span_of_one_batch_is_refused():
    """A cold batch alone says nothing."""
    with pytest.raises(ValueError, match="two batches"):
        cost([_batches((1, 0, 1))], SAMPLES)


def test_a_moment_that_was_not_watched_is_refused():
    """No figure of PostgreSQL is made up: only moments between two samples have one."""
    assert sample_at(SAMPLES, 11.5) == pytest.approx((11.5, 1.15, 11_500))
    assert sample_at(SAMPLES, 20.0) == SAMPLES[-1]
    for outside in (-0.1, 20.1):
        with pytest.raises(ValueError, match="not watched"):
            sample_at(SAMPLES, outside)


def test_each_figure_has_its_own_median():
    """One disturbed run changes no figure of a point, whichever figure it disturbed."""
    found = median_cost([a_cost(100, 20), a_cost(300, 900), a_cost(200, 10)])
    assert (found.events_per_second, found.worker_us) == (200, 20)


def test_the_age_of_a_change_is_told_by_the_events_before_it():
    """Of 100 events ahead and 10 orders, the 200th event is the last one's tenth change."""
    batches = _batches(*((number / 10, number + max(number - 10, 0), 20) for number in range(1, 16)))
    young, old = by_age(batches, SAMPLES, before=100, orders=10, ages=(0, 10, 20))
    assert (young.x, young.label, old.x, old.label) == (10, "1 to 10", 20, "11 to 20")
    assert sum(run.events for run in young.runs) == 100
    assert sum(run.events for run in old.runs) == 100
    assert young.median.worker_us == pytest.approx(50_000)
    assert old.median.worker_us == pytest.approx(100_000)


def test_too_few_changes_of_an_age_are_refused():
    """A span of changes that no two batches lie in is not measured by its neighbours."""
    with pytest.raises(ValueError, match="1 to 10"):
        by_age(_batches((1, 0, 1000), (2, 0, 1000)), SAMPLES, before=0, orders=10, ages=(0, 10))


def test_old_and_young_orders_are_compared_within_their_turn():
    """A machine that slows from turn to turn makes no change dearer, and placing orders counts for none."""
    seconds = (1, 1, 9, 2, 2, 4, 4, 9, 2, 2)  # of CPU, for ten batches: old, placed, young; twice
    cpu = list(accumulate(seconds, initial=0.0))
    batches = _batches(*((1 + n / 10, used, 10) for n, used in enumerate(cpu)))
    blocks = [("old", 20), ("placed", 10), ("young", 20)] * 2
    idle = [Sample(0.0, 0.0, 0.0), Sample(20.0, 0.0, 0.0)]
    assert by_turn(batches, idle, 10, blocks) == pytest.approx([0.5, 2.0])
    with pytest.raises(ValueError, match="less than two batches"):
        by_turn(batches, idle, 10, [("old", 5)])
