"""A damaged log is told to be damaged, and just where: each way to damage it, one record at a time."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.audit.damage import DAMAGES
from tests.audit.healthy import healthy

EVENTS = 120


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_just_the_damaged_record_is_named(damage, data):
    """Whoever reads the report finds the one record that is wrong, and is not sent anywhere else."""
    damaged = damage(healthy(EVENTS), lambda several: data.draw(st.sampled_from(several)))
    found = damaged.world.audit()
    assert bool(found) == bool(damaged.kinds), "damage is found, and nothing is found where there is none"
    assert {violation.kind for violation in found} <= damaged.kinds
    assert [violation.sentence for violation in found if not damaged.names(violation)] == []
