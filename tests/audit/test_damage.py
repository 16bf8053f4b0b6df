"""A damaged log is told to be damaged, and just where: each way to damage it, one record at a time."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.causes import Causes
from tests.audit.damage import DAMAGES
from tests.audit.healthy import healthy

EVENTS = 120


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(damage=st.sampled_from(DAMAGES), data=st.data())
def test_the_short_way_for_usual_events_never_leaves_anything_out(damage, data):
    """What is judged faster is judged the same: all is found again when every event goes the long way."""
    damaged = damage(healthy(EVENTS), lambda several: data.draw(st.sampled_from(several)))
    fast, counted = damaged.world.examine()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Causes, "_is_plain", lambda *_: False)
        slow, counted_again = damaged.world.examine()
    assert fast == slow
    assert (counted.events, counted.outcomes) == (counted_again.events, counted_again.outcomes)


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
