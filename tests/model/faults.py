"""What the world does to the workers, one function per fault; each kind happens as often as the budget allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .steps import become, committed, initialised
from .world import At, Worker, World

Named = Iterator[tuple[str, World]]


def rebalance(world: World) -> Named:
    """The group gives the partition to a worker, the same or the other one; nobody waits for the old owner."""
    if world.left.rebalances:
        left = world.left._replace(rebalances=world.left.rebalances - 1)
        for owner in (0, 1):
            group = world.group._replace(owner=owner, generation=world.group.generation + 1)
            yield f"rebalance to {'AB'[owner]}", world._replace(group=group, left=left)


def crash(world: World) -> Named:
    """kill -9, and a new process in the same slot."""
    if world.left.crashes:
        left = world.left._replace(crashes=world.left.crashes - 1)
        for me, worker in enumerate(world.workers):
            if worker.at is not At.IDLE:
                yield f"{'AB'[me]} is killed", become(world._replace(left=left), me, Worker())


def time_out(world: World) -> Named:
    """The transaction coordinator aborts a transaction that is open for too long, and fences its producer."""
    if world.left.timeouts:
        left = world.left._replace(timeouts=world.left.timeouts - 1)
        for me, transaction in enumerate(world.kafka.transactions):
            if transaction is not None:
                kafka = initialised(world.kafka, me)
                yield f"{'AB'[me]}'s transaction times out", world._replace(kafka=kafka, left=left)


def late_commit(world: World) -> Named:
    """The first frame of a repeated commit arrives: it ends whatever its producer has open by then."""
    for late in world.kafka.late:
        remaining = tuple(one for one in world.kafka.late if one is not late)
        kafka = world.kafka._replace(late=remaining)
        me = late.worker
        if kafka.producer_epochs[me] == late.producer_epoch and kafka.transactions[me] is not None:
            kafka = committed(kafka, me)
        yield f"a late commit of {'AB'[me]} arrives", world._replace(kafka=kafka)


def fail_over(world: World) -> Named:
    """The database goes on from an older commit, and every session breaks."""
    if world.left.fail_overs:
        left = world.left._replace(fail_overs=world.left.fail_overs - 1)
        first, second = (worker._replace(session_broken=worker.at is not At.IDLE) for worker in world.workers)
        for number, database in enumerate(world.earlier):
            after = world._replace(database=database, earlier=(), workers=(first, second), left=left)
            yield f"the database loses {len(world.earlier) - number} commits", after


FAULTS: tuple[Callable[[World], Named], ...] = (rebalance, crash, time_out, late_commit, fail_over)
