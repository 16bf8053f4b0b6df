"""Thousands of schedules, each with its own faults: every promise holds in every one of them."""

from __future__ import annotations

import pytest

from tests.simulation.schedule import replay_command, run

PARTS = 10
"""The series in parts: each is a test, with a time-out of its own."""


@pytest.mark.parametrize("part", range(PARTS))
def test_every_promise_holds_in_every_schedule(seeds: range, part: int):
    """Whatever fails, and whenever: nothing is lost, doubled, reordered or stuck; what halts has a cause."""
    failed = [verdict for verdict in map(run, seeds[part::PARTS]) if verdict.violation is not None]
    assert not failed, "\n".join(f"{replay_command(v)}\n    {v.violation}" for v in failed[:10])


@pytest.mark.parametrize(
    ("seed", "climate", "shows"), [(1, "mixed", "is killed"), (1, "fenced", "closes its consumer")]
)
def test_a_seed_replays_itself(seed: int, climate: str, shows: str):
    """The same seed gives the same schedule, step by step, with what is done in threads: it can be looked at again."""
    traces: list[list[tuple[float, str, str]]] = [[], []]
    for trace in traces:
        run(seed, climate, lambda *line, trace=trace: trace.append(line))
    assert traces[0] == traces[1]
    assert len(traces[0]) > 30
    assert shows in {what for _, _, what in traces[0]}
