"""A second, smaller model: one order that is reached from two raw partitions, each with a worker of its own.

Versions are given in the database, so they never collide; that readers also *see* them in order is the hand-over's
work: an order remembers the journal row of its last change, and the other partition waits until that is published.
What happens inside one partition is the first model's matter, so here a worker is only killed and recovers.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from .search import Found, search
from .world import moved_offset


class HandOver(StrEnum):
    """How a worker sees that another partition's row is published."""

    BY_SEQUENCE = "the other partition's receipt names the row, or a later one"
    BY_OFFSET = "the other partition's committed offset has reached the row's"
    NOT_AT_ALL = "nobody looks: the row is committed in the database"


class At(StrEnum):
    """What a worker does next."""

    RECOVERING = "recovers"
    DECIDING = "decides"
    LOOKING = "looks"
    PRODUCING = "produces"
    COMMITTING = "commits"


class Carrier(NamedTuple):
    """The journal row that carries an order's last change."""

    partition: int
    sequence: int


class Worker(NamedTuple):
    """The worker of one partition."""

    at: At = At.RECOVERING
    rows: tuple[int, ...] = ()
    """Versions that it has to publish."""
    knows: int = 0
    """The newest row of the other partition that it knows to be published."""


class World(NamedTuple):
    """Everything; of partition P first, then of Q."""

    journals: tuple[tuple[int, ...], tuple[int, ...]]
    """The version of the order in each row."""
    last: Carrier | None
    log: tuple[int, ...]
    """The versions that a read-committed reader sees."""
    receipts: tuple[int, int]
    open: tuple[bool, bool]
    """Whether a transaction is under way."""
    workers: tuple[Worker, Worker]
    crashes: int


def _one(pair: tuple, place: int, value: object) -> tuple:
    return (pair[0], value) if place else (value, pair[1])


def _become(world: World, me: int, worker: Worker) -> World:
    return world._replace(workers=_one(world.workers, me, worker))


def recover(world: World, me: int) -> World:
    """End my own transaction, and publish the rows behind my receipt."""
    rows = world.journals[me][world.receipts[me] :]
    worker = Worker(At.PRODUCING if rows else At.DECIDING, rows)
    return _become(world._replace(open=_one(world.open, me, False)), me, worker)


def decide(world: World, me: int, how: HandOver) -> World | None:
    """Give the order its next version, unless its last change is another partition's and not known to be published."""
    worker, last = world.workers[me], world.last
    if last is not None and last.partition != me and how is not HandOver.NOT_AT_ALL and worker.knows < last.sequence:
        return _become(world, me, worker._replace(at=At.LOOKING))
    version = sum(map(len, world.journals)) + 1
    journal = (*world.journals[me], version)
    after = world._replace(journals=_one(world.journals, me, journal), last=Carrier(me, len(journal)))
    return _become(after, me, worker._replace(at=At.PRODUCING, rows=(version,)))


def look(world: World, me: int, how: HandOver) -> World | None:
    """Read the other partition's stable committed offset; None while a transaction has it."""
    other = 1 - me
    if world.open[other]:
        return None
    known = world.receipts[other]
    if how is HandOver.BY_OFFSET:
        rows = range(len(world.journals[other]) + 1)
        known = max(row for row in rows if moved_offset(row) <= moved_offset(known))
    return _become(world, me, world.workers[me]._replace(at=At.DECIDING, knows=known))


def commit(world: World, me: int) -> World:
    """Output and receipt become visible together."""
    worker = world.workers[me]
    receipts = _one(world.receipts, me, world.receipts[me] + len(worker.rows))
    after = world._replace(log=world.log + worker.rows, receipts=receipts, open=_one(world.open, me, False))
    return _become(after, me, worker._replace(at=At.DECIDING, rows=()))


def moves(world: World, rows: int, how: HandOver) -> list[tuple[str, World]]:
    """Everything that may happen next, with its name."""
    following: list[tuple[str, World | None]] = []
    for me, worker in enumerate(world.workers):
        after: list[World | None] = []
        if worker.at is At.RECOVERING:
            after = [recover(world, me)]
        elif worker.at is At.DECIDING and len(world.journals[me]) < rows:
            after = [decide(world, me, how)]
        elif worker.at is At.LOOKING:
            after = [look(world, me, how)]
        elif worker.at is At.PRODUCING:
            opened = world._replace(open=_one(world.open, me, True))
            after = [_become(opened, me, worker._replace(at=At.COMMITTING))]
        elif worker.at is At.COMMITTING:
            after = [commit(world, me)]
        following += [(f"{'PQ'[me]}'s worker {worker.at}", one) for one in after]
        if world.crashes and worker.at is not At.RECOVERING:
            killed = _become(world._replace(crashes=world.crashes - 1), me, Worker())
            following.append((f"{'PQ'[me]}'s worker is killed", killed))
    return [(name, after) for name, after in following if after is not None]


def check(rows: int, crashes: int, how: HandOver = HandOver.BY_SEQUENCE) -> Found[World]:
    """Search for versions that a reader sees out of order, never, or that nobody gives."""
    start = World(((), ()), None, (), (0, 0), (False, False), (Worker(), Worker()), crashes)

    def judge(world: World, at_end: bool) -> str | None:
        if world.log != tuple(range(1, len(world.log) + 1)):
            return f"order: a reader sees the versions {list(world.log)}"
        if at_end and len(world.log) != 2 * rows:
            return f"stuck: {len(world.log)} of {2 * rows} versions are visible, and nobody goes on"
        return None

    return search(start, lambda world: moves(world, rows, how), judge)


def line(world: World) -> str:
    """The world in one line, for a trace."""
    workers = " · ".join(
        f"{'PQ'[number]} {worker.at.name}, row {len(world.journals[number])}, receipt {world.receipts[number]}"
        for number, worker in enumerate(world.workers)
    )
    return f"versions visible {list(world.log)} | {workers}"
