"""A growth result says the same to machines and to people, and does not flatter."""

from __future__ import annotations

import json

import pytest

from bench.growth.page import markdown
from bench.growth.series import Point, Series, at_least, at_most, cpu_ratio, rate_ratio, read, spread
from tests.bench.growth import PURGING, STORED, a_cost

MACHINE = {"cpu": "2 cores, Example CPU", "memory": "16 GiB", "postgresql": "18.6", "commit": "0123456789ab"}


def _document(*series: Series, load: float = 0.2, small: bool = False) -> dict:
    measured = [
        {
            "date": "2026-11-24T18:00:00+00:00",
            "machine": MACHINE,
            "settings": {"batch_size": 1000, "postgresql shared_buffers": "64MB"},
            "load": (load, 2.0),
            "seconds": 600,
            "series": one.document(),
        }
        for one in series
    ]
    return json.loads(json.dumps({"date": "2026-11-24T18:00:00+00:00", "small": small, "measured": measured}))


def test_a_ratio_is_taken_within_each_turn():
    """Turns on a machine that gets slower are compared with themselves; the middle one counts."""
    first, last = STORED.points
    assert rate_ratio(last, first) == pytest.approx(0.9)
    assert cpu_ratio(last, first) == pytest.approx(260 / 250)
    assert spread(first) == pytest.approx(1000 / 1500)


def test_points_without_turns_are_compared_by_their_medians():
    """Spans of one long run have no turns: their numbers may differ."""
    assert cpu_ratio(Point(2, [a_cost(1, 250)]), Point(1, [a_cost(1, 50), a_cost(1, 100), a_cost(1, 999)])) == 2


def test_a_bar_is_met_up_to_its_limit_and_not_beyond():
    """80 % keeps a promise of 80 %, and a hair less breaks it."""
    assert [at_least("", 0.8, 0.8).met, at_least("", 0.8, 0.7999).met] == [True, False]
    assert [at_most("", 0.05, 0.05).met, at_most("", 0.05, 0.0501).met] == [True, False]


def test_what_was_measured_is_read_back_whole():
    """Series are measured on different days and merged: nothing is lost on the way through the files."""
    assert read(json.loads(json.dumps(STORED.document()))) == STORED
    assert read(json.loads(json.dumps(PURGING.document()))) == PURGING


def test_people_get_every_promise_size_and_the_way_to_repeat_it():
    """One page: bars kept and broken, medians and spread per size, tables, charts, settings, commit."""
    page = markdown(_document(STORED, PURGING), {"orders": "2026-11-24-growth-orders.png"})
    for told in (
        "| Stored orders | events/s with 10,000,000 stored orders against 10,000 | ≥ 80% | 90.0% | yes |",
        "| Purging | events/s that purging costs | ≤ 5% | 7.0% | **no** |",
        "| 10,000 | 1,500 | 67% | 210 µs | 50 µs | 4.0 KiB | 3 |",
        "| purged beside the load | 930 | 0% | 215 µs | 50 µs | 4.0 KiB | 1 |",
        "| 10,000,000 (a year's) | 1,400 |",
        "| 10,000,000 | 10,000,000 · 20,480 MiB |",
        "![Stored orders](2026-11-24-growth-orders.png)",
        "make bench-growth",
        "| setting postgresql shared_buffers | 64MB |",
        "| commit | 0123456789ab |",
    ):
        assert told in page
    assert "![Purging]" not in page, "a chart that was not drawn is not shown"


def test_a_busy_machine_and_small_sizes_are_said():
    """Nobody takes a trial, or figures from a machine with other work on it, for the promises."""
    quiet = markdown(_document(STORED), {})
    assert "busy with other work" not in quiet and "Small sizes" not in quiet
    loud = markdown(_document(STORED, load=6.0, small=True), {})
    assert "**The machine was busy with other work**" in loud and "**Small sizes" in loud
