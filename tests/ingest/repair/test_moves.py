"""What repairs write: a position moves together with the note of what that may lose, or not at all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ingest.database.connection import Connection
from ingest.database.positions import Fence
from ingest.repair.journal_gap import NoteGap
from ingest.repair.moves import TakenOver, skip_gap, start_anew
from ingest.repair.raw_log import SkipGap, StartAnew

FENCE = Fence(3, 100, 9, "A", "w-0", released=False, published_sequence=9)
CUT = StartAnew("A", 93, 93, NoteGap(93, 100, "the log lost its end"))
SKIPPED = (("raw", 0), FENCE, SkipGap(100, 120, "A"))


class Written:
    """A connection that keeps what it is told, and moves a position or not."""

    def __init__(self, moved: int) -> None:
        self._moved = moved
        self.gaps: list[tuple[Any, ...]] = []
        self.first = ""

    def execute(self, statement: object, parameters: tuple[Any, ...] = ()) -> SimpleNamespace:
        self.first = self.first or str(statement)
        if "INTO gaps" in str(statement):
            self.gaps.append(parameters)
        return SimpleNamespace(rowcount=self._moved)


def test_a_log_is_gone_on_with_and_its_gap_noted_in_one_transaction():
    """A repair that is cut off never leaves a position moved and the loss untold."""
    written = Written(1)
    start_anew(cast("Connection", written), ("raw", 0), FENCE, CUT, 100, 9)
    assert written.gaps == [("raw", 0, "A", 93, 100, "the log lost its end")]


def test_rows_are_moved_without_a_time_limit():
    """Putting a month of outcomes aside takes longer than a worker's statements may."""
    for move in (lambda of: start_anew(of, ("raw", 0), FENCE, CUT, 100, 9), lambda of: skip_gap(of, *SKIPPED)):
        move(written := Written(1))
        assert written.first == "SET LOCAL statement_timeout = 0"


def test_a_partition_that_was_taken_over_is_left_as_it_is():
    """A worker that starts during the repair wins."""
    with pytest.raises(TakenOver):
        start_anew(cast("Connection", Written(0)), ("raw", 0), FENCE, CUT, 100, 9)
