"""Thousands of schedules, each with its own faults: every promise holds in every one of them."""

from __future__ import annotations

import pytest

from tests.simulation.schedule import replay_command, run

FOUND = {
    # An event parked while its order came by another worker's partition waited for ever.
    38: "fair",
    # A TxnOffsetCommit that was sent twice came late, and put an older receipt into the next transaction.
    229: "mixed",
}
"""Schedules in which the worker once broke a promise."""


def test_every_promise_holds_in_every_schedule(seeds: range):
    """Kills, stops, lost and late messages, rebalances: nothing is lost, doubled, reordered or stuck."""
    failed = [verdict for verdict in map(run, seeds) if verdict.violation is not None]
    assert not failed, "\n".join(f"{replay_command(v)}\n    {v.violation}" for v in failed[:10])


@pytest.mark.parametrize(("seed", "climate"), FOUND.items())
def test_what_was_found_once_stays_repaired(seed: int, climate: str):
    """A schedule that once found a fault holds."""
    assert run(seed, climate).violation is None


def test_a_seed_replays_itself():
    """The same seed gives the same schedule, step by step: a failure can be looked at again."""
    traces: list[list[tuple[float, str, str]]] = [[], []]
    for trace in traces:
        run(7, "mixed", lambda *line, trace=trace: trace.append(line))
    assert traces[0] == traces[1]
    assert len(traces[0]) > 30
