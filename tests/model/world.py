"""What the model's world is made of: one raw partition, two workers, Kafka, PostgreSQL, and faults still to come."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Row(NamedTuple):
    """A journal row, and the output that it stands for."""

    sequence: int
    decision: int
    """How often this row had been decided when it was decided so: a second decision may differ from the first."""


class Group(NamedTuple):
    """The consumer group: who has the partition. Workers learn of a change only when they poll."""

    owner: int
    generation: int


class Database(NamedTuple):
    """The position row and the journal."""

    epoch: int
    sequence: int
    owner: int | None
    released: bool
    journal: tuple[Row | None, ...]
    """Row 1 first; None where a row is missing."""


class Transaction(NamedTuple):
    """What is in the open Kafka transaction of one `transactional.id`."""

    rows: tuple[Row, ...]
    receipt: int | None
    """The row number sent with the offsets; None before that."""


class Late(NamedTuple):
    """A commit that was repeated on another connection: its first frame is still on the way."""

    worker: int
    producer_epoch: int


class Kafka(NamedTuple):
    """The output log as a read-committed reader sees it, the receipt, and the transaction coordinator."""

    log: tuple[Row, ...]
    receipt: int
    transactions: tuple[Transaction | None, ...]
    producer_epochs: tuple[int, ...]
    late: tuple[Late, ...]


class At(StrEnum):
    """What a worker does next."""

    IDLE = "starts"
    FENCING = "fences"
    TAKING_OVER = "takes over"
    ASKING = "asks for the receipt"
    READING_JOURNAL = "reads the journal"
    RUNNING = "decides and sends ahead"
    WRITING = "writes"
    PRODUCING = "produces"
    SENDING_OFFSETS = "sends offsets"
    COMMITTING = "commits"
    WRITING_LATE = "writes late"
    """Only without DATABASE_FIRST or RECEIPT_IN_TRANSACTION: what should have come earlier comes now."""
    HALTED = "halted"


class Worker(NamedTuple):
    """One process: what it does next and what it believes."""

    at: At = At.IDLE
    generation: int = 0
    epoch: int = 0
    sequence: int = 0
    published: int = 0
    """The receipt, as recovery read it."""
    rows: tuple[Row, ...] = ()
    """What it has to publish."""
    producer_epoch: int | None = None
    """None: it has no producer."""
    predecessor: int | None = None
    """Whose transaction it has to end."""
    session_broken: bool = False
    """Its database session is gone, and it has not noticed."""


class Faults(NamedTuple):
    """How many faults of each kind may still happen."""

    rebalances: int = 0
    crashes: int = 0
    timeouts: int = 0
    """The coordinator aborts an open transaction."""
    lost_replies: int = 0
    """A commit of Kafka or of the database succeeds and its answer does not arrive."""
    late_commits: int = 0
    """A commit is silently repeated, and its first frame arrives later."""
    fail_overs: int = 0
    """The database loses its newest commits."""
    lost_commits: int = 1
    """The most commits that one fail-over loses."""


class World(NamedTuple):
    """One state of everything."""

    group: Group
    database: Database
    earlier: tuple[Database, ...]
    """What a fail-over may bring back, newest last."""
    decided: tuple[int, ...]
    """How often each row was decided, ever."""
    kafka: Kafka
    workers: tuple[Worker, Worker]
    left: Faults


def beginning(rows: int, faults: Faults) -> World:
    """Worker A owns the partition, nothing is decided, `rows` journal rows are to come."""
    return World(
        Group(0, 1),
        Database(0, 0, None, released=True, journal=()),
        (),
        (0,) * rows,
        Kafka((), 0, (None, None), (0, 0), ()),
        (Worker(), Worker()),
        faults,
    )


def moved_offset(sequence: int) -> int:
    """The raw offset behind row `sequence`. Every second row moves none: there a parked event's time was over."""
    return (sequence + 1) // 2


def line(world: World) -> str:
    """The world in one line, for a trace."""
    database, kafka = world.database, world.kafka
    opened = [
        f"{'AB'[number]} has {[row.sequence for row in transaction.rows]} open"
        + (f" with receipt {transaction.receipt}" if transaction.receipt is not None else "")
        for number, transaction in enumerate(kafka.transactions)
        if transaction is not None
    ]
    doing = " · ".join(
        f"{'AB'[number]} {worker.at.name}"
        + (f" g{worker.generation} e{worker.epoch} row {worker.sequence}" if worker.at is not At.IDLE else "")
        for number, worker in enumerate(world.workers)
    )
    return (
        f"group: {'AB'[world.group.owner]} g{world.group.generation} | database: e{database.epoch} row "
        f"{database.sequence} | Kafka: receipt {kafka.receipt}, log {[tuple(row) for row in kafka.log]}"
        f"{', ' + ', '.join(opened) if opened else ''} | {doing}"
    )
