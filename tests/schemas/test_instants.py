"""A moment is the same microsecond in every time zone, and a time without a zone is no moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import instants

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.integers(0, instants.LAST)


@given(MOMENTS)
def test_text_and_back(moment: int) -> None:
    """Every microsecond of eight thousand years survives being written."""
    assert instants.parse(instants.to_text(moment)) == moment


@given(st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=ZONES))
def test_offsets_do_not_move_a_moment(when: datetime) -> None:
    """A shop in Tokyo and a warehouse in Lima mean the same moment."""
    parsed = instants.parse(when.isoformat())
    assert parsed == instants.parse(when.astimezone(UTC).isoformat())
    assert parsed == (when - instants.EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2008-01-10T11:00:00-05:00", 1_199_980_800_000_000),
        ("2026-07-01T10:15:00.5Z", 1_782_900_900_500_000),
        ("2026-07-01T10:15:00.1234567Z", 1_782_900_900_123_456),
        ("9999-12-31T23:59:59.999999Z", instants.LAST),
    ],
)
def test_known_moments(text: str, moment: int) -> None:
    """The spellings that channels use are read to the microsecond."""
    assert instants.parse(text) == moment


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-07-01T10:15:00", "no offset"),
        ("2026-07-01", "no offset"),
        ("0001-01-01T00:00:00Z", "outside"),
        ("1969-12-31T23:59:59Z", "outside"),
        ("9999-12-31T23:59:59-01:00", "outside"),
        ("0000-00-00T00:00:00Z", "not an ISO 8601"),
        ("2026-02-30T00:00:00Z", "not an ISO 8601"),
        ("1782900900", "no offset|not an ISO 8601"),
        ("yesterday", "not an ISO 8601"),
        ("", "not an ISO 8601"),
        (1_782_900_900, "not an ISO 8601"),
    ],
)
def test_what_names_no_moment_is_refused(text: str, reason: str) -> None:
    """A time that could be hours off becomes a finding, never a guess."""
    with pytest.raises(ValueError, match=reason):
        instants.parse(text)


def test_a_missing_time_is_missing_and_a_wrong_one_is_wrong() -> None:
    """A field left empty is no defect; one filled with nonsense is."""
    assert instants.parse_or_none(None) is None
    assert instants.parse_or_none("") is None
    assert instants.parse_or_none("1970-01-01T00:00:01Z") == 1_000_000
    with pytest.raises(ValueError, match="ISO 8601"):
        instants.parse_or_none("soon")


def test_moments_outside_the_range_are_not_written() -> None:
    """A number that is no instant of ours does not become a plausible date."""
    for moment in (-1, instants.LAST + 1):
        with pytest.raises(ValueError, match="outside"):
            instants.to_text(moment)
