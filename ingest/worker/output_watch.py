"""Whether the output logs still have what was published: compared with how far they reached before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ingest.database import output_ends
from ingest.database.connection import Database
from ingest.database.output_ends import OutputEnd
from ingest.errors import Cause, PartitionHalted
from ingest.worker.new_database import unknown_outputs
from ingest.worker.partition import PartitionKey

_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Shortened:
    """An output partition whose log lost its end, is another one, or is gone."""

    topic: str
    partition: int
    reached: int
    """Next offset when it was looked at before."""
    end: int | None
    """Next offset now; None: there is no such log any more."""
    made_again: bool

    @property
    def told(self) -> str:
        """For people."""
        if self.end is None:
            return f"{self.topic}/{self.partition} is gone; it reached {self.reached:,} before"
        again = "was deleted and made again, and " if self.made_again else ""
        return f"{self.topic}/{self.partition} {again}ends at {self.end:,}; it reached {self.reached:,} before"


def shortened(before: Iterable[OutputEnd], now: Iterable[OutputEnd]) -> list[Shortened]:
    """The logs that lost something since they were looked at."""
    found = {(one.topic, one.partition): one for one in now}
    lost = []
    for old in before:
        new = found.get((old.topic, old.partition))
        made_again = new is not None and new.topic_id != old.topic_id
        if old.end and (new is None or made_again or new.end < old.end):
            lost.append(Shortened(old.topic, old.partition, old.end, new.end if new else None, made_again))
    return lost


def halt(key: PartitionKey, lost: Sequence[Shortened]) -> PartitionHalted:
    """What a raw partition stops with: nothing more may be published behind a hole."""
    return PartitionHalted(
        *key, Cause.OUTPUT_LOST,
        known="; ".join(one.told for one in lost),
        safe="what was published is in the journal for as long as that is kept; nothing more is published until then",
    )  # fmt: skip


class OutputWatch:
    """Looks now and then. Raises DatabaseLost, or BrokerSilent when no broker tells the ends."""

    def __init__(
        self, database: Database, ends: Callable[[], Sequence[OutputEnd]] | None, monotonic: Callable[[], float]
    ) -> None:
        """Without `ends` there is nothing to look at."""
        self._database = database
        self._ends = ends
        self._monotonic = monotonic
        self._next = float("-inf")
        self.unknown: tuple[OutputEnd, ...] = ()
        """At the last look: the output logs that others have written, before a database that knows nothing at all."""

    def look(self) -> list[Shortened]:
        """Compare, and remember what is longer now."""
        if self._ends is None:
            return []
        with self._database.transaction() as connection:
            before = output_ends.read(connection)
        # Asked after what is remembered was read: another worker may remember more meanwhile.
        now = self._ends()
        lost = shortened(before, now)
        if not lost:
            with self._database.transaction() as connection:
                self.unknown = unknown_outputs(connection, before, now)
                if not self.unknown:  # else it may be the wrong database, and is left as it is
                    output_ends.remember(connection, now)
        self._next = self._monotonic() + _EVERY_S
        return lost

    def look_now_and_then(self) -> list[Shortened]:
        """Compare if it is time to."""
        return self.look() if self._monotonic() >= self._next else []
