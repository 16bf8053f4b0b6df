"""A result says the same to machines and to people, and does not flatter."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bench.report import markdown
from tests.bench.results import BAD, RESULT


def test_medians_of_the_runs_are_what_is_told():
    """Of three runs the middle one counts; the ratio is taken within each turn, then its median."""
    assert (RESULT.raw_rate, RESULT.governed_rate) == (25_000, 8_000)
    assert RESULT.ratio == pytest.approx(0.3)
    assert RESULT.whole_us == 110


def test_engine_overhead_is_all_that_is_not_governing():
    """CPU outside every phase is charged to the engine too, not lost."""
    assert RESULT.overhead_us == 20
    assert RESULT.phase_us("postgres") == 8


def test_every_kept_promise_is_told_as_kept():
    """Six bars, all met by this result."""
    assert [bar.met for bar in RESULT.bars] == [True] * 6
    assert "**no**" not in markdown(RESULT)


def test_every_broken_promise_is_told_as_broken():
    """A page never hides a bar that was missed."""
    assert [bar.met for bar in BAD.bars] == [False] * 6
    assert markdown(BAD).count("**no**") == 6


def test_a_busy_machine_is_said_first():
    """Whoever reads figures from a machine with other work on it is told before anything else."""
    assert "busy" not in markdown(RESULT)
    busy = markdown(replace(RESULT, load=(6.0, 6.0)))
    assert "**The machine was busy with other work** (load 6.0 before the start)" in busy


def test_machines_get_every_run_and_every_sample():
    """The JSON holds what the medians were made of, so that others can judge them."""
    document = json.loads(json.dumps(RESULT.document()))
    assert [run["events_per_second"] for run in document["runs"]["raw"]] == [30_000, 20_000, 25_000]
    assert document["runs"]["governed"][2]["phases_us"]["postgres"] == 23
    assert document["memory_mib"]["samples"] == [100, 100, 101, 102]
    assert document["medians"]["ratio"] == pytest.approx(0.3)
    assert [one["p99"] for one in document["latency_ms"]] == [60.0, 14.5]
    assert [one["cpu_share"] for one in document["idle"]] == [0.004, 0.006]


def test_people_get_a_short_page_with_the_way_to_repeat_it():
    """One page: rates, phases, latency, bars, the command and the commit."""
    page = markdown(RESULT)
    assert len(page.splitlines()) < 60
    for told in (
        "| raw loop | 25,000 | 30,000 · 20,000 · 25,000 | 21.0 µs |",
        "| governed | 8,000 |",
        "| latency | 200 | 2,400 | 5.2 ms | 14.5 ms | 31.0 ms | 0.60% |",
        "`python -m bench --events 60000`",
        "| commit | 0123456789ab |",
        "| setting batch_size | 1000 |",
    ):
        assert told in page
