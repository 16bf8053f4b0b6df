"""The statistics behind the figures are the ones that they are called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import percentile, quarters


def test_a_percentile_is_the_nearest_rank():
    """p99 of a hundred values is the ninety-ninth, not a value between two that nobody measured."""
    values = list(range(1, 101))
    assert [percentile(values, share) for share in (0, 0.5, 0.99, 1)] == [1, 50, 99, 100]


@given(st.lists(st.integers(), min_size=1), st.floats(0, 1))
def test_a_percentile_covers_its_share_with_the_least_value_that_does(values, share):
    """At least the share lies at or below it, and less than the share lies below it."""
    found = percentile(values, share)
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) <= share * len(values)


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1], 1.01), ([1], -0.1)])
def test_a_percentile_of_nothing_is_refused(values, share):
    """No figure is made up where nothing was measured."""
    with pytest.raises(ValueError, match="at least one value"):
        percentile(values, share)


def test_quarters_see_growth_and_forgive_a_spike():
    """A leak shows as a higher last quarter; one odd sample in a quarter changes nothing."""
    assert quarters([10, 99, 10, 11, 12, 13, 14, 15, 20, 20, 20, 1]) == (10, 20)


def test_quarters_of_a_too_short_series_are_refused():
    """Three samples have no quarters."""
    with pytest.raises(ValueError, match="at least four"):
        quarters([1, 2, 3])
