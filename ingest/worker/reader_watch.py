"""Whether readers of the output topics get on: to them a log ends before the first transaction that is open.

A broker that is killed while it ends a transaction may leave it open on some partitions for ever, and nothing else
shows it when the group's offsets are not among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ingest.database.output_ends import OutputEnd

_EVERY_S = 10.0


class ReaderWatch:
    """Looks now and then. Raises BrokerSilent when no broker answers."""

    def __init__(
        self, held_up: Callable[[], Sequence[OutputEnd]] | None, bound_s: float, monotonic: Callable[[], float]
    ) -> None:
        """`held_up`: logs with an open transaction, and where it begins; without it there is nothing to look at.

        `bound_s`: how long a transaction may stay open.
        """
        self._held_up = held_up
        self._bound_s = bound_s
        self._monotonic = monotonic
        self._since: dict[OutputEnd, float] = {}
        self._next = float("-inf")

    def look_now_and_then(self) -> list[OutputEnd] | None:
        """Where readers have waited at one offset for longer than the bound; None when it is not time to look."""
        now = self._monotonic()
        if self._held_up is None or now < self._next:
            return None
        self._next = now + _EVERY_S
        self._since = {one: self._since.get(one, now) for one in self._held_up()}
        return [one for one, since in self._since.items() if now - since > self._bound_s]
