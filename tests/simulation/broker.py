"""A simulated Kafka: logs with transactions, the transaction coordinator, committed offsets.

As Apache Kafka 4 behaves towards a client without KIP-890 (transaction.version 2, EndTxn v1): an EndTxn that arrives
late ends whatever transaction is open under the same epoch. A commit is decided at once, its markers are written
partition by partition afterwards; until then the next transaction of the same producer has to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from zlib import crc32

from confluent_kafka import KafkaError

from consumers.kafka_source import BrokerSilent
from tests.simulation.world import World

TopicPartitionKey = tuple[str, int]
OFFSETS: TopicPartitionKey = ("__consumer_offsets", 0)
CLEAN_UP_INTERVAL_S = 10.0
"""transaction.abort.timed.out.transaction.cleanup.interval.ms: added to a transaction's time-out."""


class Refusal(Exception):
    """An error code in answer to a request."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class TryLater(Exception):
    """An answer after which the client tries again by itself: CONCURRENT_TRANSACTIONS, coordinator loading."""


class Record(NamedTuple):
    """What a producer sends."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp_ms: int


@dataclass(slots=True)
class Entry:
    """A record in a log, or a control record (`record` None)."""

    offset: int
    record: Record | None
    transaction: Transaction | None
    leader_epoch: int


@dataclass(slots=True)
class Log:
    """One partition."""

    entries: list[Entry] = field(default_factory=list)
    start: int = 0
    end: int = 0
    seen: int = 0
    """Index of the first entry that a read-committed reader has not got past."""
    epoch_starts: list[int] = field(default_factory=lambda: [0])
    """Where the epoch of each leader begins."""

    @property
    def leader_epoch(self) -> int:
        """Of the leader as of now."""
        return len(self.epoch_starts) - 1

    def append(self, record: Record | None, transaction: Transaction | None = None) -> int:
        """Append; gives the offset."""
        self.entries.append(Entry(self.end, record, transaction, self.leader_epoch))
        self.end += 1
        return self.end - 1

    def elect(self) -> None:
        """Another leader, or the same one again after a restart."""
        self.epoch_starts.append(self.end)

    def cut(self, end: int) -> None:
        """Lose what lies from an offset on: the replica that leads now never had it."""
        self.entries = [entry for entry in self.entries if entry.offset < end]
        self.end = end
        self.epoch_starts = [min(start, end) for start in self.epoch_starts]
        self.elect()

    def epoch_end(self, epoch: int) -> int | None:
        """Where an epoch ends, as OffsetForLeaderEpoch tells it; None for one that is not known."""
        starts = [*self.epoch_starts, self.end]
        return starts[epoch + 1] if epoch <= self.leader_epoch else None

    def next_from(self, offset: int) -> Entry | None:
        """The first record at or after an offset. Raw logs are written without transactions here."""
        for entry in self.entries:
            if entry.offset >= offset and entry.record is not None:
                return entry
        return None


@dataclass(slots=True)
class Topic:
    """A topic with its id."""

    name: str
    topic_id: str
    partitions: list[Log]


@dataclass(slots=True, eq=False)
class Transaction:
    """One transaction, from its first partition to its last marker."""

    started_at: float
    partitions: dict[TopicPartitionKey, None] = field(default_factory=dict)
    offsets: dict[TopicPartitionKey, tuple[int, str]] = field(default_factory=dict)
    committed: bool | None = None
    """None while it is open."""
    records: int = 0
    marked: set[TopicPartitionKey] = field(default_factory=set)
    torn: bool = False
    """Its remaining markers are lost for good."""


@dataclass(slots=True)
class Identity:
    """What the coordinator keeps of a transactional.id."""

    producer_id: int
    epoch: int = 0
    timeout_s: float = 10.0
    open: Transaction | None = None
    completing: Transaction | None = None
    last_committed: bool | None = None


class Broker:
    """All logs and coordinators. One node: what it has acknowledged, it keeps."""

    def __init__(self, world: World, marker_delay: Callable[[], float]) -> None:
        self.world = world
        self.topics: dict[str, Topic] = {}
        self.offsets: dict[TopicPartitionKey, tuple[int, str]] = {}
        self.identities: dict[str, Identity] = {}
        self.transactions: list[Transaction] = []
        """Those whose markers are not all written."""
        self.down_until = 0.0
        self.check_group: Callable[[object, list[TopicPartitionKey]], None] = lambda _metadata, _keys: None
        """Raises Refusal when the group does not take a member's offsets."""
        self.on_visible: Callable[[TopicPartitionKey, Entry], None] = lambda _key, _entry: None
        self.on_commit: Callable[[Transaction], None] = lambda _transaction: None
        self.on_receipt: Callable[[TopicPartitionKey], None] = lambda _key: None
        self.on_append: list[Callable[[TopicPartitionKey], None]] = []
        self.on_offsets_changed: list[Callable[[], None]] = []
        self.on_return: list[Callable[[], None]] = []
        self.tear_next = False
        self._marker_delay = marker_delay
        self._topic_number = 0

    def create_topic(self, name: str, partitions: int) -> None:
        """A topic with a new id, in place of any that was there."""
        self._topic_number += 1
        self.topics[name] = Topic(name, f"id-{self._topic_number}", [Log() for _ in range(partitions)])

    def log(self, key: TopicPartitionKey) -> Log:
        """A partition's log."""
        return self.topics[key[0]].partitions[key[1]]

    def restart(self, seconds: float) -> None:
        """Away for a while; leads every partition anew afterwards."""
        self.down_until = self.world.now + seconds
        for topic in self.topics.values():
            for log in topic.partitions:
                log.elect()
        self.world.at(seconds, self._return)

    def _return(self) -> None:
        if self.world.now >= self.down_until:
            for told in self.on_return:
                told()

    def append_raw(self, key: TopicPartitionKey, record: Record, gap: int = 0) -> int:
        """A channel publishes; `gap` offsets before it are none of ours (control records, compaction)."""
        log = self.log(key)
        log.end += gap
        offset = log.append(record)
        for told in self.on_append:
            told(key)
        return offset

    def partition_of(self, topic: str, key: bytes) -> TopicPartitionKey:
        """Where a producer puts a key."""
        return topic, crc32(key) % len(self.topics[topic].partitions)

    # --- the transaction coordinator

    def initialise(self, transactional_id: str, timeout_s: float) -> tuple[int, int]:
        """InitProducerId: ends what is open, raises the epoch; gives producer id and epoch. Raises TryLater."""
        identity = self.identities.get(transactional_id)
        if identity is None:
            identity = self.identities[transactional_id] = Identity(1000 + len(self.identities))
        elif identity.open is not None:
            identity.epoch += 1
            self._decide(identity, committed=False)
            raise TryLater
        elif identity.completing is not None:
            raise TryLater
        else:
            identity.epoch += 1
        identity.timeout_s = timeout_s
        return identity.producer_id, identity.epoch

    def add_partitions(self, transactional_id: str, epoch: int, keys: list[TopicPartitionKey]) -> None:
        """AddPartitionsToTxn and AddOffsetsToTxn: opens a transaction when none is. Raises Refusal or TryLater."""
        identity = self._fenced(transactional_id, epoch)
        if identity.completing is not None:
            raise TryLater
        if identity.open is None:
            identity.open = Transaction(self.world.now)
            self.transactions.append(identity.open)
            self._watch(identity, identity.open)
        identity.open.partitions.update(dict.fromkeys(keys))

    def produce(self, transactional_id: str, epoch: int, key: TopicPartitionKey, records: list[Record]) -> None:
        """Append to a transaction; refused unless the partition was added to it (KIP-890, part one)."""
        transaction = self._fenced(transactional_id, epoch).open
        if transaction is None or key not in transaction.partitions:
            raise Refusal(KafkaError.INVALID_TXN_STATE)
        log = self.log(key)
        for record in records:
            log.append(record, transaction)
        transaction.records += len(records)

    def add_offsets(
        self,
        transactional_id: str,
        epoch: int,
        metadata: object,
        offsets: Mapping[TopicPartitionKey, tuple[int, str]],
    ) -> None:
        """TxnOffsetCommit: offsets that count if the transaction commits. The last one sent for a partition wins."""
        transaction = self._fenced(transactional_id, epoch).open
        if transaction is None or OFFSETS not in transaction.partitions:
            raise Refusal(KafkaError.INVALID_TXN_STATE)
        self.check_group(metadata, list(offsets))
        transaction.offsets.update(offsets)

    def end(self, transactional_id: str, epoch: int, *, committed: bool) -> None:
        """EndTxn v1: by producer id and epoch alone, it may end a transaction that it was not sent for."""
        identity = self._fenced(transactional_id, epoch)
        if identity.open is not None:
            self._decide(identity, committed=committed)
        elif identity.last_committed is not committed:
            raise Refusal(KafkaError.INVALID_TXN_STATE)

    def unstable(self, key: TopicPartitionKey) -> bool:
        """Whether a transaction without its marker has an offset for the partition."""
        return any(key in one.offsets and OFFSETS not in one.marked for one in self.transactions)

    def torn(self) -> list[TopicPartitionKey]:
        """Partitions whose committed offset never becomes stable."""
        return [key for one in self.transactions if one.torn and OFFSETS not in one.marked for key in one.offsets]

    def _fenced(self, transactional_id: str, epoch: int) -> Identity:
        identity = self.identities[transactional_id]
        if identity.epoch != epoch:
            raise Refusal(KafkaError.INVALID_PRODUCER_EPOCH)
        return identity

    def _watch(self, identity: Identity, transaction: Transaction) -> None:
        """Abort it when it stays open past its time-out."""

        def due() -> None:
            if identity.open is transaction:
                self.world.tell("kafka", "aborts a transaction that timed out")
                identity.epoch += 1
                self._decide(identity, committed=False)

        self.world.at(identity.timeout_s + CLEAN_UP_INTERVAL_S * self.world.random.random(), due)

    def _decide(self, identity: Identity, *, committed: bool) -> None:
        transaction = identity.open
        assert transaction is not None
        identity.open, identity.completing, identity.last_committed = None, transaction, committed
        transaction.committed = committed
        if self.world.told:
            self.world.tell("kafka", f"{'commits' if committed else 'aborts'} {_contents(transaction)}")
        if committed:
            self.on_commit(transaction)
        tear = self.tear_next and committed and len(transaction.partitions) > 1
        kept = self.world.random.choice(list(transaction.partitions)) if tear else None
        for key in transaction.partitions:
            if tear and key != kept:
                transaction.torn = True
                continue
            self.world.at(self._marker_delay(), lambda key=key: self._mark(identity, transaction, key))  # type: ignore[misc]  # mypy does not infer defaults of lambdas
        if tear:
            self.tear_next = False
            self.world.tell("kafka", "loses the other markers of this transaction")

    def _mark(self, identity: Identity, transaction: Transaction, key: TopicPartitionKey) -> None:
        transaction.marked.add(key)
        if key == OFFSETS:
            if transaction.committed:
                for partition, committed in transaction.offsets.items():
                    self.offsets[partition] = committed
                    self.on_receipt(partition)
            for told in self.on_offsets_changed:
                told()
        else:
            log = self.log(key)
            log.append(None)
            self._show(key, log)
        if len(transaction.marked) == len(transaction.partitions):
            self.transactions.remove(transaction)
        if identity.completing is transaction and (
            transaction.torn or len(transaction.marked) == len(transaction.partitions)
        ):
            identity.completing = None

    def _show(self, key: TopicPartitionKey, log: Log) -> None:
        """Let read-committed readers go on up to the first record that is not decided."""
        while log.seen < len(log.entries):
            entry = log.entries[log.seen]
            transaction = entry.transaction
            if transaction is not None:
                if key not in transaction.marked:
                    return
                if transaction.committed and entry.record is not None:
                    self.on_visible(key, entry)
            log.seen += 1


def _contents(transaction: Transaction) -> str:
    offsets = ", ".join(f"{t}/{p} → {o} ({m})" for (t, p), (o, m) in transaction.offsets.items())
    return f"{len(transaction.partitions) - (OFFSETS in transaction.partitions)} output partitions, offsets {offsets}"


def topic_id(broker: Broker, name: str) -> str:
    """Kafka's id of a topic, as of now. Raises BrokerSilent."""
    if broker.world.now < broker.down_until:
        raise BrokerSilent("topic id: the broker is away")
    return broker.topics[name].topic_id


def epoch_ends(broker: Broker, epochs: Mapping[TopicPartitionKey, int]) -> dict[TopicPartitionKey, int]:
    """Where leader epochs end, as of now. Raises BrokerSilent."""
    if broker.world.now < broker.down_until:
        raise BrokerSilent("leader epochs: the broker is away")
    ends = ((key, broker.log(key).epoch_end(epoch)) for key, epoch in epochs.items())
    return {key: end for key, end in ends if end is not None}
