"""The steps of a worker, one function each: what it does between two looks at the shared world.

Each gives the worlds that may follow; none when it has to wait. The order is the worker's: start, fence, take over,
ask, read the journal, publish what is missing; then decide and send ahead, write, send offsets, commit, decide …
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .rules import Rule
from .world import At, Database, Kafka, Late, Row, Transaction, Worker, World, moved_offset

Rules = frozenset[Rule]
Next = Iterator[World]


def start(world: World, me: int, rules: Rules) -> Next:
    """Poll; if the partition is mine, capture the group metadata and see that there is a producer."""
    if world.group.owner != me:
        return
    world, producer_epoch = _with_producer(world, me)
    worker = world.workers[me]._replace(generation=world.group.generation, producer_epoch=producer_epoch)
    then = At.FENCING if Rule.FENCE_BEFORE_ASKING in rules else At.ASKING
    yield become(world, me, worker._replace(at=then))


def fence(world: World, me: int, rules: Rules) -> Next:
    """Raise the epoch; learn the position, and whether the owner before me released it."""
    before = world.database
    database = before._replace(epoch=before.epoch + 1, owner=me, released=False)
    left_open = not before.released and before.owner not in (None, me) and Rule.TAKE_OVER in rules
    asking = At.ASKING if Rule.FENCE_BEFORE_ASKING in rules else At.READING_JOURNAL
    worker = world.workers[me]._replace(
        at=At.TAKING_OVER if left_open else asking,
        epoch=database.epoch,
        sequence=database.sequence,
        predecessor=before.owner if left_open else None,
    )
    yield become(_write(world, database), me, worker)


def take_over(world: World, me: int, rules: Rules) -> Next:
    """Initialise the predecessor's `transactional.id`: its transaction is aborted, its producer fenced."""
    worker = world.workers[me]
    assert worker.predecessor is not None
    asking = At.ASKING if Rule.FENCE_BEFORE_ASKING in rules else At.READING_JOURNAL
    kafka = initialised(world.kafka, worker.predecessor)
    yield become(world._replace(kafka=kafka), me, worker._replace(at=asking, predecessor=None))


def ask(world: World, me: int, rules: Rules) -> Next:
    """Read the committed offset, and with it the receipt."""
    pending = any(one is not None and one.receipt is not None for one in world.kafka.transactions)
    if pending and Rule.STABLE_OFFSET in rules:
        return
    worker = world.workers[me]
    then = At.READING_JOURNAL if Rule.FENCE_BEFORE_ASKING in rules else At.FENCING
    yield become(world, me, worker._replace(at=then, published=world.kafka.receipt))


def read_journal(world: World, me: int, rules: Rules) -> Next:
    """Compare, and take the rows that Kafka does not have; they have to reach the position without a gap."""
    worker, journal = world.workers[me], world.database.journal
    if Rule.JOURNAL_UNDER_FENCE in rules and world.database.epoch != worker.epoch:
        yield _doubt(world, me)
        return
    published = worker.published
    if Rule.SEQUENCE_IN_RECEIPT not in rules:
        offset = moved_offset(published)
        published = max(row for row in range(worker.sequence + 1) if moved_offset(row) <= offset)
    rows = tuple(row for row in journal[published:] if row is not None)
    if published > worker.sequence or len(rows) != worker.sequence - published:
        yield become(world, me, worker._replace(at=At.HALTED, rows=(), published=0))
    else:
        then = At.PRODUCING if rows else At.RUNNING
        yield become(world, me, worker._replace(at=then, rows=rows, published=0))


def decide(world: World, me: int, rules: Rules) -> Next:
    """Decide on the next row and send its output ahead; a fenced producer notices only when it sends offsets."""
    worker = world.workers[me]
    if worker.sequence == len(world.decided):
        return
    row = Row(worker.sequence + 1, world.decided[worker.sequence] + 1)
    if Rule.DATABASE_FIRST not in rules:
        yield become(world, me, worker._replace(at=At.PRODUCING, rows=(row,)))
        return
    world, producer_epoch = _with_producer(world, me)
    if producer_epoch == world.kafka.producer_epochs[me]:
        world = world._replace(kafka=_producing(world.kafka, me, row))
    yield become(world, me, worker._replace(at=At.WRITING, rows=(row,), producer_epoch=producer_epoch))


def write(world: World, me: int, rules: Rules) -> Next:
    """One database transaction: check that the position is as I left it, append a journal row, move the position."""
    after = _decided(world, me, rules)
    if after is None:
        yield _rolled_back(world, me, rules)
        return
    yield become(after, me, after.workers[me]._replace(at=At.SENDING_OFFSETS))
    if world.left.lost_replies:
        left = world.left._replace(lost_replies=world.left.lost_replies - 1)
        yield _rolled_back(after._replace(left=left), me, rules)


def produce(world: World, me: int, _rules: Rules) -> Next:
    """Begin a transaction and write the output that Kafka lacks; a producer that was replaced is initialised first."""
    worker = world.workers[me]
    if worker.producer_epoch is None:
        world, producer_epoch = _with_producer(world, me)
        yield become(world, me, worker._replace(producer_epoch=producer_epoch))
    elif worker.producer_epoch != world.kafka.producer_epochs[me]:
        yield _doubt_the_producer(world, me)
    else:
        world = world._replace(kafka=_producing(world.kafka, me, *worker.rows))
        yield become(world, me, worker._replace(at=At.SENDING_OFFSETS))


def send_offsets(world: World, me: int, rules: Rules) -> Next:
    """Add the receipt to the transaction; the group coordinator refuses metadata of another generation."""
    worker, kafka = world.workers[me], world.kafka
    generation = worker.generation if Rule.METADATA_WITH_BATCH in rules else world.group.generation
    if worker.producer_epoch != kafka.producer_epochs[me]:
        yield _doubt_the_producer(world, me)
    elif generation != world.group.generation:
        yield _doubt(world._replace(kafka=_transacting(kafka, me, None)), me)
    elif Rule.RECEIPT_IN_TRANSACTION not in rules:
        yield become(world, me, worker._replace(at=At.COMMITTING))
    else:
        mine = kafka.transactions[me]
        # None when a late commit has ended it: the coordinator then takes the offsets for a new transaction.
        sent = Transaction(mine.rows if mine else (), worker.rows[-1].sequence)
        world = world._replace(kafka=_transacting(kafka, me, sent))
        yield become(world, me, worker._replace(at=At.COMMITTING))


def commit(world: World, me: int, rules: Rules) -> Next:
    """End the transaction: output and receipt become visible together. The answer may be lost, or the call repeated."""
    worker, left = world.workers[me], world.left
    producer_epoch = worker.producer_epoch
    if producer_epoch != world.kafka.producer_epochs[me] or world.kafka.transactions[me] is None:
        yield _doubt_the_producer(world, me)
        return
    assert producer_epoch is not None
    done = world._replace(kafka=committed(world.kafka, me))
    in_order = Rule.DATABASE_FIRST in rules and Rule.RECEIPT_IN_TRANSACTION in rules
    running = worker._replace(at=At.RUNNING if in_order else At.WRITING_LATE, rows=() if in_order else worker.rows)
    yield become(done, me, running)
    if left.lost_replies:
        yield _doubt_the_producer(done._replace(left=left._replace(lost_replies=left.lost_replies - 1)), me)
    if left.late_commits:
        kafka = done.kafka._replace(late=(*done.kafka.late, Late(me, producer_epoch)))
        repeated = done._replace(kafka=kafka, left=left._replace(late_commits=left.late_commits - 1))
        replaced = running._replace(producer_epoch=None) if Rule.PRODUCER_RECYCLING in rules else running
        yield become(repeated, me, replaced)


def write_late(world: World, me: int, rules: Rules) -> Next:
    """What a weaker protocol does after the transaction: write the database, or commit the receipt by itself."""
    worker = world.workers[me]
    if Rule.DATABASE_FIRST in rules:
        world = world._replace(kafka=world.kafka._replace(receipt=worker.rows[-1].sequence))
        yield become(world, me, worker._replace(at=At.RUNNING, rows=()))
        return
    after = _decided(world, me, rules)
    yield _doubt(world, me) if after is None else become(after, me, after.workers[me]._replace(at=At.RUNNING, rows=()))


def poll(world: World, me: int, _rules: Rules) -> Next:
    """Between two batches: hear of a rebalance. A partition that is gone was given back in time, or is lost."""
    worker = world.workers[me]
    if worker.at not in (At.RUNNING, At.HALTED) or worker.generation == world.group.generation:
        return
    if worker.at is At.RUNNING and world.group.owner == me:
        yield become(world, me, worker._replace(generation=world.group.generation))
        return
    gone = become(world, me, Worker(producer_epoch=worker.producer_epoch, session_broken=worker.session_broken))
    yield gone
    # Only a worker that has published everything it decided releases.
    if worker.at is At.RUNNING and world.database.epoch == worker.epoch and not worker.session_broken:
        yield _write(gone, world.database._replace(released=True))


STEPS: dict[At, Callable[[World, int, Rules], Next]] = {
    At.IDLE: start,
    At.FENCING: fence,
    At.TAKING_OVER: take_over,
    At.ASKING: ask,
    At.READING_JOURNAL: read_journal,
    At.RUNNING: decide,
    At.WRITING: write,
    At.PRODUCING: produce,
    At.SENDING_OFFSETS: send_offsets,
    At.COMMITTING: commit,
    At.WRITING_LATE: write_late,
}
IN_DATABASE = frozenset({At.FENCING, At.READING_JOURNAL, At.RUNNING, At.WRITING})


def step(world: World, me: int, rules: Rules) -> Next:
    """Whatever worker `me` does next."""
    worker = world.workers[me]
    if worker.session_broken and worker.at in IN_DATABASE:
        connected = become(world, me, worker._replace(session_broken=False))
        if Rule.DOUBT_AFTER_LOST_SESSION in rules:
            yield _rolled_back(connected, me, rules) if worker.at is At.WRITING else _doubt(connected, me)
            return
        world = connected
    act = STEPS.get(worker.at)
    if act is not None:
        yield from act(world, me, rules)


def committed(kafka: Kafka, worker: int) -> Kafka:
    """The coordinator ends a transaction: what it has becomes visible."""
    transaction = kafka.transactions[worker]
    assert transaction is not None
    receipt = kafka.receipt if transaction.receipt is None else transaction.receipt
    ended = kafka._replace(log=kafka.log + transaction.rows, receipt=receipt)
    return _transacting(ended, worker, None)


def _decided(world: World, me: int, rules: Rules) -> World | None:
    """The world after one more row is committed in the database; None when the position refuses it."""
    worker, database = world.workers[me], world.database
    if Rule.EPOCH in rules and database.epoch != worker.epoch:
        return None
    if Rule.COMPARE_AND_SET in rules and database.sequence != worker.sequence:
        return None
    sequence = worker.sequence + 1
    row = Row(sequence, world.decided[worker.sequence] + 1)
    missing = (None,) * (worker.sequence - len(database.journal))
    journal = (*database.journal[: worker.sequence], *missing, row, *database.journal[sequence:])
    decided = (*world.decided[: worker.sequence], row.decision, *world.decided[sequence:])
    after = _write(world._replace(decided=decided), database._replace(sequence=sequence, journal=journal))
    return become(after, me, worker._replace(sequence=sequence, rows=(row,)))


def _rolled_back(world: World, me: int, rules: Rules) -> World:
    """The database did not keep the batch, or may not have: what was sent ahead is taken back; then start over."""
    if world.workers[me].producer_epoch != world.kafka.producer_epochs[me]:
        return _doubt_the_producer(world, me)
    if Rule.SENT_AHEAD_IS_TAKEN_BACK in rules:
        world = world._replace(kafka=_transacting(world.kafka, me, None))
    return _doubt(world, me)


def _doubt(world: World, me: int) -> World:
    """Forget everything but the producer, and start over."""
    worker = world.workers[me]
    return become(world, me, Worker(producer_epoch=worker.producer_epoch, session_broken=worker.session_broken))


def _doubt_the_producer(world: World, me: int) -> World:
    """Forget everything: the next start initialises a new producer, which ends what this one left open."""
    return become(world, me, Worker(session_broken=world.workers[me].session_broken))


def become(world: World, me: int, worker: Worker) -> World:
    """The world with another state of one worker."""
    first, second = world.workers
    return world._replace(workers=(first, worker) if me else (worker, second))


def _write(world: World, database: Database) -> World:
    """A database commit; what was there before is remembered as far as a fail-over may bring it back."""
    if not world.left.fail_overs:
        return world._replace(database=database)
    earlier = (*world.earlier, world.database)[-world.left.lost_commits :]
    return world._replace(database=database, earlier=earlier)


def _with_producer(world: World, me: int) -> tuple[World, int]:
    producer_epoch = world.workers[me].producer_epoch
    if producer_epoch is not None:
        return world, producer_epoch
    kafka = initialised(world.kafka, me)
    return world._replace(kafka=kafka), kafka.producer_epochs[me]


def initialised(kafka: Kafka, worker: int) -> Kafka:
    """`init_transactions`, or the coordinator's time-out: abort what is open under this id, fence its producers."""
    first, second = kafka.producer_epochs
    return _transacting(kafka, worker, None)._replace(
        producer_epochs=(first, second + 1) if worker else (first + 1, second)
    )


def _producing(kafka: Kafka, worker: int, *rows: Row) -> Kafka:
    mine = kafka.transactions[worker]
    return _transacting(kafka, worker, Transaction((*(mine.rows if mine else ()), *rows), None))


def _transacting(kafka: Kafka, worker: int, transaction: Transaction | None) -> Kafka:
    first, second = kafka.transactions
    return kafka._replace(transactions=(first, transaction) if worker else (transaction, second))
