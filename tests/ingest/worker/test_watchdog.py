"""A Kafka call that hangs ends the process in time, and one that is only slow does not."""

from __future__ import annotations

import pytest

from ingest.worker.watchdog import Watchdog


@pytest.mark.parametrize(
    ("at_most_s", "seconds", "ended"), [(20, 19, False), (20, 21, True), (60, 44, False), (60, 46, True)]
)
def test_a_call_is_bounded_by_what_is_less(at_most_s: float, seconds: float, ended: bool):
    """A transaction's call with a time-out of its own is not waited for as long as any other may take."""
    now, stuck = [0.0], []
    watchdog = Watchdog(45, lambda: now[0], stuck.append)
    with watchdog.deadline("flush", at_most_s):
        now[0] = seconds
        assert watchdog.look() is ended
    assert stuck == ["flush"] * ended
