"""Every safety rule is needed: with any one of them taken out, some schedule breaks a promise."""

from __future__ import annotations

import pytest

from tests.simulation.report import MOST_SCHEDULES, find
from tests.simulation.rules import RULES, take_over_alone
from tests.simulation.schedule import run


@pytest.mark.parametrize("name", RULES)
def test_a_rule_that_is_taken_out_is_missed(name: str):
    """The simulator has teeth: it finds out what each rule is for, within a bounded number of schedules."""
    found = find(RULES[name])
    assert found is not None, f"{MOST_SCHEDULES} schedules do not miss this rule: {RULES[name].promise}"


def test_it_is_the_metadata_that_is_missed():
    """Its variant polls where the worker does not, and leaves a dead owner's transaction open: that alone is safe."""
    patches = take_over_alone()
    for one in patches:
        one.start()
    try:
        verdicts = [run(seed, "frozen") for seed in range(1, 60)]
    finally:
        for one in reversed(patches):
            one.stop()
    assert [verdict for verdict in verdicts if verdict.violation] == []
