"""What must never be, whatever happens: each invariant in the words of a report."""

from __future__ import annotations

from .world import At, Faults, World


def broken(world: World, budget: Faults, at_end: bool) -> str | None:
    """The first invariant that a state breaks. `budget` is what the search began with: it says what may happen."""
    return _log(world) or _sides(world, budget) or _stop(world, budget) or (_end(world) if at_end else None)


def harmful(world: World, budget: Faults, at_end: bool) -> str | None:
    """As `broken`, but a partition may stop without a cause: no reader sees anything wrong then."""
    return _log(world) or _sides(world, budget) or (_end(world) if at_end else None)


def left_to_time_out(world: World, _budget: Faults, at_end: bool) -> str | None:
    """Another question: whether readers may have to wait until the coordinator ends a dead worker's transaction."""
    return "wait: a transaction is left to its time-out" if at_end and _waits(world) else None


def _log(world: World) -> str | None:
    """A read-committed reader sees every row once, in order, and as the database has it."""
    journal = world.database.journal
    for place, row in enumerate(world.kafka.log, 1):
        if row.sequence < place:
            seen = any(row.sequence == other.sequence for other in world.kafka.log[: place - 1])
            return f"duplicate: row {row.sequence} is visible twice" if seen else f"order: row {row.sequence} came late"
        if row.sequence > place:
            return f"loss: row {place} is missing before row {row.sequence}"
        if len(journal) >= place and journal[place - 1] not in (row, None):
            return f"difference: row {place} was published with another content than the database has"
    return None


def _sides(world: World, budget: Faults) -> str | None:
    """Without a fail-over the database is never behind Kafka and decides nothing twice."""
    if budget.fail_overs:
        return None
    if world.kafka.receipt > world.database.sequence:
        return "receipt above the position: Kafka knows more than the database"
    if any(times > 1 for times in world.decided):
        return "difference: one row was decided twice"
    return None


def _stop(world: World, budget: Faults) -> str | None:
    """Without a fail-over no owner halts."""
    if budget.fail_overs:
        return None
    for number, worker in enumerate(world.workers):
        if worker.at is At.HALTED and worker.generation == world.group.generation:
            return f"stop: {'AB'[number]} halted its partition without a cause"
    return None


def _end(world: World) -> str | None:
    """Where nothing more happens, everything is published, or an owner has halted with its cause."""
    if any(worker.at is At.HALTED for worker in world.workers):
        return None
    # A worker that has nothing left to decide hears of a fail-over with its next batch: here none comes.
    if _waits(world) or world.kafka.receipt > world.database.sequence:
        return None
    rows = len(world.decided)
    if world.database.sequence == rows == world.kafka.receipt and len(world.kafka.log) == rows:
        return None
    if world.database.sequence == rows:
        return f"loss: {len(world.kafka.log)} of {rows} rows are published, and nobody will publish the others"
    return "stuck: nobody goes on"


def _waits(world: World) -> bool:
    return any(transaction is not None for transaction in world.kafka.transactions)
