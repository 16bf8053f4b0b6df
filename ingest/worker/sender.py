"""Sending a batch's records while PostgreSQL still writes them: most of their way, and not yet to anybody's sight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from producers.records import OutputRecord


class Sender(Protocol):
    """Sends what a batch will publish ahead of PostgreSQL's commit; nobody sees anything of it yet."""

    def begin(self, records: Sequence[OutputRecord]) -> None:
        """These records are under way."""

    def abort(self) -> None:
        """PostgreSQL has not committed them, or may not have: what is under way, if anything, is to be taken back."""


class NoSender:
    """Sends nothing: whoever asked for the decisions publishes them, or only compares."""

    def begin(self, records: Sequence[OutputRecord]) -> None:
        """Nothing happens."""

    def abort(self) -> None:
        """Nothing happens."""
