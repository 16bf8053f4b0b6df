"""A database of journal rows that answers as PostgreSQL would, and keeps how many rows it handed over at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ingest.database import journal
from ingest.database.journal import JournalRow


class JournalTables:
    """All rows were written at `NOW` and are noted as published; other questions get `others`, in turn."""

    NOW = 5000.0

    def __init__(self, *rows: JournalRow, others: Sequence[Sequence[tuple[Any, ...]]] = ()) -> None:
        self._rows = rows
        self._others = list(others)
        self._answer: list[tuple[Any, ...]] = []
        self.most_records = 0
        """Rows with their records in one answer, at most."""

    @contextmanager
    def transaction(self) -> Iterator[JournalTables]:
        yield self

    def execute(self, statement: str, parameters: tuple[Any, ...] = ()) -> JournalTables:
        if statement == journal._ONE:
            self._answer = [row for row in self._rows if row[:3] == tuple(parameters)]
        elif statement == journal._AFTER:
            self._answer = [row for row in self._rows if row[:2] == parameters[:2] and row.sequence > parameters[2]]
        elif "JOIN positions" in statement:
            self._answer = [(*row[:3], row.sequence, self.NOW) for row in self._rows]
        else:
            self._answer = list(self._others.pop(0)) if self._others else []
        self.most_records = max(self.most_records, sum(isinstance(one, JournalRow) for one in self._answer))
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._answer[0] if self._answer else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._answer

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._answer)
