"""Outputs are matched to the raw event that caused them, by nothing but their header."""

from __future__ import annotations

import pytest

from bench.causes import Cause, by_cause, cause_of, parse_cause
from producers.records import OutputRecord


def _record(value: bytes, cause: str) -> OutputRecord:
    return OutputRecord("oms.orders.v1", b"k", value, [("ce_id", b"1"), ("ordergate_cause", cause.encode())])


def test_a_cause_is_read_as_the_position_it_names():
    """Topic, partition and offset come out as a consumer of the raw topic sees them."""
    assert parse_cause("raw.web.orders.v1/3/1200") == Cause("raw.web.orders.v1", 3, 1200)


@pytest.mark.parametrize("text", ["", "raw.web.orders.v1", "raw.web.orders.v1/3", "raw/x/1", "/3/1200"])
def test_what_names_no_position_is_refused(text):
    """A header that cannot be matched stops the benchmark rather than being left out of it."""
    with pytest.raises(ValueError):
        parse_cause(text)


def test_a_record_without_a_cause_is_refused():
    """A record of somebody else on an output topic is not silently counted."""
    with pytest.raises(ValueError, match="ordergate_cause"):
        cause_of([("ce_id", b"1"), ("ordergate_cause", None)])


def test_records_of_one_cause_stay_whole_and_in_order():
    """The raw loop gets, per raw event, the same records in the same order, with every header."""
    first, second, other = _record(b"1", "raw/0/7"), _record(b"2", "raw/0/7"), _record(b"3", "raw/1/7")
    assert by_cause([first, other, second]) == {
        Cause("raw", 0, 7): [first, second],
        Cause("raw", 1, 7): [other],
    }
