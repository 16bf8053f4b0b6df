"""A healthy deployment is told to be healthy: an audit that cries wolf is switched off."""

from __future__ import annotations

from collections import Counter

from tests.audit.healthy import ROLES, healthy


def test_a_healthy_log_has_no_violation_and_everything_is_counted():
    """Every event and every record was looked at, and nothing is wrong with them."""
    world = healthy(1200)
    violations, examination = world.examine()
    assert violations == []
    assert examination.events == len(world.raw) == 1200
    assert examination.records == Counter(record.topic for record in [*world.raw, *world.outputs])
    assert examination.outcomes == Counter(outcome.outcome for outcome in world.outcomes)
    assert set(examination.outcomes) == {"GOVERNED", "PARKED", "QUARANTINED", "DUPLICATE", "STALE", "IGNORED"}
    assert {record.topic for record in world.outputs} == set(ROLES)
    assert examination.not_judged == Counter()
