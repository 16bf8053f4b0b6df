"""Walking along several sorted streams at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

END: Final = 1 << 64
"""Behind every position."""

Rows = Sequence[tuple[Any, ...]]
"""Rows of one position."""


class Cursor:
    """Walks along sorted rows whose first field is a position; `at` is the next one's, END behind the last."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._rows = iter(rows)
        self._head = next(self._rows, None)
        self.at: int = END if self._head is None else self._head[0]

    def take(self, position: int) -> Sequence[tuple[Any, ...]]:
        """The next rows, as long as they are of that position."""
        if self.at != position:
            return ()
        found = []
        head = self._head
        while head is not None and head[0] == position:
            found.append(head)
            head = next(self._rows, None)
        self._head = head
        self.at = END if head is None else head[0]
        return found
