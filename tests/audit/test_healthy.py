"""A healthy deployment is told to be healthy: an audit that cries wolf is switched off."""

from __future__ import annotations

import tracemalloc
from collections import Counter

from audit.examination import Examination
from audit.topics import Role
from tests.audit.damage import role, with_content
from tests.audit.healthy import READER, ROLES, TOPICS, healthy


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


def test_large_records_are_not_collected():
    """A quarantined original may have megabytes: it is looked at and let go."""
    record = next(one for one in healthy(200).outputs if role(one) is Role.QUARANTINE)
    large = (with_content(record, value=b"x" * 1_000_000)._replace(offset=offset) for offset in range(50))
    tracemalloc.start()
    with Examination(READER, TOPICS) as examination:
        list(examination.take_outputs(large))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert examination.records.total() == 50
    assert most < 10 << 20
