"""What brokers know of transactions: open ones per partition, their coordinator's state, their batches and markers.

Messages: Apache Kafka, clients/src/main/resources/common/message/ (DescribeProducers, ListTransactions,
DescribeTransactions, Fetch, WriteTxnMarkers); KIP-664 explains hanging transactions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from consumers.kafka_source import PartitionKey
from ingest.kafka_leaders import Leaders
from ingest.kafka_wire import Api, Reader, Writer

_FETCH: Final = Api(1, 4, flexible=False)
_DESCRIBE_PRODUCERS: Final = Api(61, 0, flexible=True)
_DESCRIBE_TRANSACTIONS: Final = Api(65, 0, flexible=True)
_LIST_TRANSACTIONS: Final = Api(66, 0, flexible=True)
_WRITE_MARKERS: Final = Api(27, 1, flexible=True)
_BATCH_HEADER: Final = 61
_TRANSACTIONAL, _CONTROL, _COMPRESSION = 0x10, 0x20, 0x07
_FETCH_BYTES: Final = 8 * 1024 * 1024
_LEADERS_WITHIN_S: Final = 15.0
"""How long a partition may be without a leader: a broker that was killed is fenced for its session's time-out (9 s)."""


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A producer's transaction that a partition waits for the end of."""

    producer_id: int
    producer_epoch: int
    coordinator_epoch: int
    partition: PartitionKey
    first_offset: int


@dataclass(frozen=True, slots=True)
class CoordinatorView:
    """What the coordinator of a `transactional.id` knows of its newest transaction."""

    transactional_id: str
    producer_id: int
    producer_epoch: int
    state: str
    """Empty, Ongoing, PrepareCommit, PrepareAbort, CompleteCommit, CompleteAbort, Dead, PrepareEpochFence."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A record batch: whose it is, and for a marker, which end it made."""

    first_offset: int
    last_offset: int
    producer_id: int
    producer_epoch: int
    transactional: bool
    commits: bool | None
    """True and False for a commit and an abort marker, None for data."""
    compressed: bool
    records: bytes


class BrokerState:
    """Asks the brokers on the wire, PLAINTEXT; closed at the end of `with`. Raises BrokerAway."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._leaders = Leaders(bootstrap_servers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaders.__exit__(kind, error, trace)

    def partitions(self, topics: Iterable[str]) -> list[PartitionKey]:
        """Every partition of these topics, with leaders looked up anew: a while is given to each to have one."""
        return self._leaders.find(topics, _LEADERS_WITHIN_S)

    def open_transactions(self, partitions: Collection[PartitionKey]) -> list[OpenTransaction]:
        """Every transaction that is open on one of these partitions."""
        found = []
        for topic, number in partitions:
            body = Writer(_DESCRIBE_PRODUCERS).array(1).string(topic).array(1).int32(number).end().end()
            answer = self._leaders.ask_leader((topic, number), _DESCRIBE_PRODUCERS, body)
            answer.int32()
            for _ in answer.array():
                answer.string()
                for _ in answer.array():
                    answer.int32()
                    self._leaders.refused("DescribeProducers", answer.int16())
                    answer.string()
                    for _ in answer.array():
                        producer_id, epoch = answer.int64(), answer.int32()
                        answer.int32()
                        answer.int64()
                        coordinator_epoch, first = answer.int32(), answer.int64()
                        answer.end()
                        if first >= 0:
                            found.append(OpenTransaction(producer_id, epoch, coordinator_epoch, (topic, number), first))
                    answer.end()
                answer.end()
        return found

    def coordinators(self, producer_ids: Collection[int]) -> dict[int, CoordinatorView]:
        """What coordinators know of these producers, by producer id; nothing of those that they have forgotten."""
        found: dict[int, CoordinatorView] = {}
        for node in self._leaders.nodes:
            body = Writer(_LIST_TRANSACTIONS).array(0).array(len(producer_ids))
            for producer_id in sorted(producer_ids):
                body.int64(producer_id)
            answer = self._leaders.ask(node, _LIST_TRANSACTIONS, body.end())
            answer.int32()
            self._leaders.refused("ListTransactions", answer.int16())
            for _ in answer.array():
                answer.string()
            names = []
            for _ in answer.array():
                names.append(answer.string() or "")
                answer.int64()
                answer.string()
                answer.end()
            found |= {view.producer_id: view for view in self._described(node, names)}
        return found

    def _described(self, node: int, transactional_ids: Collection[str]) -> Iterator[CoordinatorView]:
        if not transactional_ids:
            return
        body = Writer(_DESCRIBE_TRANSACTIONS).array(len(transactional_ids))
        for name in transactional_ids:
            body.string(name)
        answer = self._leaders.ask(node, _DESCRIBE_TRANSACTIONS, body.end())
        answer.int32()
        for _ in answer.array():
            error, name, state = answer.int16(), answer.string() or "", answer.string() or ""
            answer.int32()
            answer.int64()
            producer_id, epoch = answer.int64(), answer.int16()
            for _ in answer.array():
                answer.string()
                for _ in answer.array():
                    answer.int32()
                answer.end()
            answer.end()
            if error == 0:
                yield CoordinatorView(name, producer_id, epoch, state)

    def batches(self, partition: PartitionKey, first_offset: int, end: int) -> Iterator[Batch]:
        """The partition's batches from the one that holds `first_offset` up to `end`, markers included."""
        topic, number = partition
        at = first_offset
        while at < end:
            body = Writer(_FETCH).int32(-1).int32(500).int32(1).int32(_FETCH_BYTES).int8(0)
            body.array(1).string(topic).array(1).int32(number).int64(at).int32(_FETCH_BYTES)
            answer = self._leaders.ask_leader(partition, _FETCH, body)
            answer.int32()
            (_,), _topic, (_,) = answer.array(), answer.string(), answer.array()
            answer.int32()
            self._leaders.refused("Fetch", answer.int16())
            answer.int64()
            answer.int64()
            for _ in answer.array():
                answer.int64()
                answer.int64()
            before = at
            for batch in _batches(answer.data()):
                yield batch
                at = batch.last_offset + 1
            if at == before:
                return

    def write_markers(
        self, producer_id: int, epoch: int, coordinator_epoch: int, end: str, partitions: Collection[PartitionKey]
    ) -> None:
        """End a transaction on these partitions; `end` is COMMIT or ABORT. Needs the right ClusterAction."""
        for partition in partitions:
            topic, number = partition
            body = Writer(_WRITE_MARKERS).array(1).int64(producer_id).int16(epoch).int8(end == "COMMIT")
            body.array(1).string(topic).array(1).int32(number).end().int32(coordinator_epoch).end().end()
            answer = self._leaders.ask_leader(partition, _WRITE_MARKERS, body)
            for _ in answer.array():
                answer.int64()
                for _ in answer.array():
                    answer.string()
                    for _ in answer.array():
                        answer.int32()
                        self._leaders.refused("WriteTxnMarkers", answer.int16())


def ends_of(batches: Iterable[Batch]) -> Mapping[tuple[int, int], bool | None]:
    """By (first, last) offset of each data batch: committed, aborted, or (None) still open."""
    ends: dict[tuple[int, int], bool | None] = {}
    open_by: dict[int, list[tuple[int, int]]] = {}
    for batch in batches:
        place = (batch.first_offset, batch.last_offset)
        if batch.commits is not None:
            for earlier in open_by.pop(batch.producer_id, ()):
                ends[earlier] = batch.commits
        elif batch.transactional:
            ends[place] = None
            open_by.setdefault(batch.producer_id, []).append(place)
        else:
            ends[place] = True
    return ends


def _batches(data: bytes) -> Iterator[Batch]:
    """Record batches of format 2; the last one may be cut off."""
    reader = Reader(data)
    while reader.left >= _BATCH_HEADER:
        first, length = reader.int64(), reader.int32()
        if reader.left < length:
            return
        body = Reader(reader.take(length))
        body.take(4 + 1 + 4)
        attributes, last = body.int16(), first + body.int32()
        body.take(8 + 8)
        producer_id, epoch = body.int64(), body.int16()
        body.take(4 + 4)
        records = body.take(body.left)
        commits = None
        if attributes & _CONTROL:
            key, _ = next(records_of(records))
            commits = key is not None and key[2:4] == b"\x00\x01"
        yield Batch(
            first, last, producer_id, epoch, bool(attributes & _TRANSACTIONAL), commits,
            bool(attributes & _COMPRESSION), records,
        )  # fmt: skip


def records_of(records: bytes) -> Iterator[tuple[bytes | None, bytes | None]]:
    """Key and value of each record of an uncompressed batch."""
    reader = Reader(records)
    while reader.left:
        record = Reader(reader.take(reader.varint()))
        record.int8()
        record.varint()
        record.varint()
        key_length = record.varint()
        key = None if key_length < 0 else record.take(key_length)
        value_length = record.varint()
        yield key, None if value_length < 0 else record.take(value_length)
