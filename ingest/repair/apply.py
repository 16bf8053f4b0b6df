"""Applying a plan, fenced as a worker is: an owner id of its own, the epoch raised, the last owner's transaction ended.

A worker that starts meanwhile raises the epoch again and ends the transaction of this repair before it reads
anything, so at every moment only one of the two can change a partition.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ingest.assembly import retention_ranges
from ingest.database.connection import Database
from ingest.database.positions import Fenced
from ingest.database.retention import maintain
from ingest.errors import Cause, OrdergateError
from ingest.repair.fencing import Fencing
from ingest.repair.look import Looker
from ingest.repair.moves import TakenOver
from ingest.repair.plan import Plan
from ingest.repair.steps import RepairInDoubt, Steps
from ingest.settings import Settings
from ingest.worker.batch import OutOfOrder
from producers.publisher import Doubt, GroupFenced

_ENDS_TRANSACTIONS = frozenset({Cause.OFFSET_UNSTABLE, Cause.READERS_WAIT})
"""To initialise the owner's id first would make its coordinator forget how it ended the transaction."""
_FOR_EVER = timedelta(days=365_000)
_GROUP_EMPTIES_S = 5.0


class WorkersRun(OrdergateError):
    """Stop the workers: nothing is repaired under their feet."""

    def __init__(self, group_id: str, members: int) -> None:
        super().__init__(
            f"{members} worker{'s'[: members != 1]} of the group {group_id} still run",
            known="a repair commits the group's offsets, which only its members may do while it has any; a worker that "
            "was killed is a member until its session times out",
            safe="nothing was changed",
            do="stop all workers, then do the same again; the plan alone can be seen while they run",
        )


class MovedOn(OrdergateError):
    """Look again: what the plan was made from has changed."""

    def __init__(self, partition: str) -> None:
        super().__init__(
            f"{partition} is not as it was when its plan was made",
            known="somebody has changed the group's offset, the database or the topics meanwhile",
            safe="nothing was published and no offset was changed",
            do=f"run `ordergate recover {partition}` again, and look at the new plan",
        )


class Repairer:
    """Applies plans, inside `with open()`."""

    def __init__(self, given: Settings, database: Database, looker: Looker) -> None:
        self._given = given
        self._database = database
        self._looker = looker
        self._fencing = Fencing(given, database)
        self._steps = Steps(given, database, looker, self._fencing)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Ready to apply; everything is let go at the end. Raises WorkersRun."""
        self._wait_until_the_group_is_empty()
        self._make_room()
        with self._fencing.open():
            yield

    def apply(self, plan: Plan, plan_again: Callable[[], Plan | None]) -> None:
        """Carry out a plan. `plan_again` makes it anew, once nobody else can change the partition any more.

        Raises MovedOn when the new plan is another one, RepairInDoubt when a step was cut off, and TakenOver when a
        worker has come between.
        """
        key = (plan.topic, plan.partition)
        try:
            fence = self._fencing.fence(key)
            if plan.cause not in _ENDS_TRANSACTIONS:
                self._fencing.end_transaction_of_owner(fence)
            again = plan_again()
            if again is None:
                return  # repaired together with another partition
            if again.steps != plan.steps:
                raise MovedOn(plan.name)
            for step in plan.steps:
                self._steps.carry_out(step, key, fence)
        except (Doubt, GroupFenced) as error:
            raise RepairInDoubt(plan.name, str(error)) from error
        except (Fenced, OutOfOrder) as error:
            raise TakenOver(plan.name) from error

    def _make_room(self) -> None:
        """Tables have partitions for now, which workers make otherwise. None is dropped: a repair may need its rows."""
        ranges = [replace(one, keep=_FOR_EVER) for one in retention_ranges(self._given)]
        with self._database.transaction() as connection:
            maintain(connection, ranges, datetime.now(UTC))

    def _wait_until_the_group_is_empty(self) -> None:
        """A worker that was stopped a moment ago may be a member for as long as its session."""
        until = time.monotonic() + self._given.session_timeout_ms / 1000 + _GROUP_EMPTIES_S
        while members := self._looker.group_members():
            if time.monotonic() > until:
                raise WorkersRun(self._given.group_id, members)
            time.sleep(0.5)
