"""Sorting on disk gives what sorting in memory gives, and leaves nothing behind."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import NotAudited
from audit.spill import Sorter

RECORD = st.tuples(st.integers(0, 255), st.binary(min_size=3, max_size=3), st.integers(0, 2**64 - 1))


@given(records=st.lists(RECORD, max_size=60), run=st.integers(1, 70))
def test_any_records_come_back_sorted_by_their_fields(records, run):
    """Whatever the number of runs, none of them included, and as often as they are asked for."""
    with Sorter(">B3sQ", run_records=run) as sorter:
        for record in records:
            sorter.add(sorter.pack(*record))
        assert list(sorter) == sorted(records)
        assert list(sorter) == sorted(records), "again"


def test_more_than_memory_holds_is_sorted_in_bounded_memory(tmp_path: Path):
    """A million records take the memory of one run, and their file has no name that could be left behind."""
    tracemalloc.start()
    with Sorter(">Q32s", tmp_path, run_records=10_000) as sorter:
        for number in range(300_000):
            sorter.add(sorter.pack(number * 7_919 % 300_000, b"x" * 32))
        assert [record[0] for record in sorter] == list(range(300_000))
        assert list(tmp_path.iterdir()) == []
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 40 << 20, "300,000 integers of the list above are most of it"


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path):
    """An audit that has no room for its files says so; it is no verdict on what was audited."""
    with Sorter(">Q", tmp_path / "missing", run_records=1) as sorter, pytest.raises(NotAudited, match="TMPDIR"):
        sorter.add(sorter.pack(1))
