"""Finding transactions that hang, and what they carry: asks the brokers on the wire, and the journal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from consumers.kafka_source import Committed, PartitionKey
from ingest.database.connection import Connection, Database
from ingest.database.journal import JournalRow
from ingest.kafka_wire import Reader
from ingest.repair.broker_state import BrokerState, OpenTransaction, ends_of, records_of
from ingest.repair.decisions import carrier_of, decided_at, was_rolled_back
from ingest.repair.outputs import OutputLog, Place
from ingest.repair.torn import CarriedRow, HangingTransaction
from ingest.repair.trail import RecordId, record_id
from ingest.worker.receipt import published_sequence
from producers.journal_records import unpack
from producers.topics import OUTPUT_TOPICS

OFFSETS_TOPIC: Final = "__consumer_offsets"
_BETWEEN = """
SELECT topic, partition, sequence, base_offset, next_offset, record_count, records FROM journal
WHERE topic = %s AND partition = %s AND sequence > %s AND sequence <= %s ORDER BY sequence
"""
_KNOWN_PUBLISHED = "SELECT published_sequence FROM positions WHERE topic = %s AND partition = %s"

Receipts = Mapping[PartitionKey, int]
"""Journal row of each raw partition's receipt, as a transaction would commit it."""


class HangingTransactions:
    """Looks at the group's offsets and all output partitions."""

    def __init__(
        self,
        group_id: str,
        brokers: BrokerState,
        outputs: OutputLog,
        database: Database,
        committed: Callable[[Sequence[PartitionKey]], Mapping[PartitionKey, Committed]],
        ends: Callable[[Iterable[PartitionKey]], Mapping[PartitionKey, int]],
    ) -> None:
        """`outputs` sees open and aborted records too; `committed` gives what is stable, without waiting."""
        self._group_id = group_id
        self._brokers = brokers
        self._outputs = outputs
        self._database = database
        self._committed = committed
        self._ends = ends

    def find(self) -> list[HangingTransaction]:
        """Every transaction of ours that stays open."""
        partitions = self._brokers.partitions([OFFSETS_TOPIC, *(topic.name for topic in OUTPUT_TOPICS)])
        offsets = (OFFSETS_TOPIC, offsets_partition(self._group_id, sum(t == OFFSETS_TOPIC for t, _ in partitions)))
        looked_at = [key for key in partitions if key[0] != OFFSETS_TOPIC or key == offsets]
        first = self._brokers.open_transactions(looked_at)
        views = self._brokers.coordinators({one.producer_id for one in first}) if first else {}
        # Whoever is at work has gone on meanwhile.
        still = set(self._brokers.open_transactions(looked_at)) & set(first)
        by_producer: defaultdict[int, list[OpenTransaction]] = defaultdict(list)
        for one in sorted(still, key=lambda one: one.partition):
            by_producer[one.producer_id].append(one)
        found = []
        for producer_id, opened in by_producer.items():
            receipts = self._receipts(producer_id, [one for one in opened if one.partition == offsets])
            places = [one for one in opened if one.partition != offsets or receipts]
            if places:
                outputs = [one for one in places if one.partition != offsets]
                rows = self._carried(receipts) or (self._carried_by_outputs(outputs) if outputs else _bare(receipts))
                one = places[0]
                found.append(
                    HangingTransaction(
                        producer_id, one.producer_epoch, one.coordinator_epoch,
                        tuple(place.partition for place in places), views.get(producer_id), tuple(rows),
                        tuple(sorted(receipts)),
                    )
                )  # fmt: skip
        return found

    def _receipts(self, producer_id: int, opened: Sequence[OpenTransaction]) -> dict[PartitionKey, int]:
        """What the transaction would commit for our group."""
        receipts: dict[PartitionKey, int] = {}
        for one in opened:
            end = self._ends([one.partition])[one.partition]
            for batch in self._brokers.batches(one.partition, one.first_offset, end):
                if batch.producer_id == producer_id and batch.commits is None and not batch.compressed:
                    for key, value in records_of(batch.records):
                        committed = _committed_offset(self._group_id, key, value)
                        if committed is not None:
                            receipts[committed[0]] = committed[1]
        return receipts

    def _carried(self, receipts: Receipts) -> list[CarriedRow]:
        """The rows between what is committed and what the transaction would commit; none for bare receipts."""
        stable = self._committed(sorted(receipts))
        carried: list[CarriedRow] = []
        for key, newest in sorted(receipts.items()):
            with self._database.transaction() as connection:
                receipt = published_sequence(stable[key])
                if receipt is None:
                    receipt = _known_published(connection, key)
                rows = [JournalRow(*row) for row in connection.execute(_BETWEEN, (*key, receipt, newest))]
            if [row.sequence for row in rows] != list(range(receipt + 1, newest + 1)):
                carried.append(_unknown(key))
            carried += self._traced(rows, receipt, ())
        return carried

    def _carried_by_outputs(self, places: Sequence[OpenTransaction]) -> list[CarriedRow]:
        """The rows of the first record that the transaction holds open on each partition."""
        carried: dict[tuple[object, ...], CarriedRow] = {}
        for place in places:
            held = self._outputs.at(place.partition, place.first_offset)
            if held is None:
                continue
            record, cause = held
            with self._database.transaction() as connection:
                carrier = carrier_of(connection, record, cause)
                key = (carrier.topic, carrier.partition) if carrier else cause.partition
                stable = self._committed([key])[key]
                rolled_back = carrier is None and was_rolled_back(connection, cause, stable.offset)
            receipt = published_sequence(stable) or 0
            mine = [carrier] if carrier else []
            traced = self._traced(mine, receipt, [(record, (place.partition, place.first_offset))])
            for row in traced or [_unknown(key, rolled_back=rolled_back)]:
                known = carried.get((key, row.sequence))
                if known is None or row.published_again:
                    carried[key, row.sequence] = row
        return list(carried.values())

    def _traced(
        self, rows: Sequence[JournalRow], receipt: int, held: Collection[tuple[RecordId, Place]]
    ) -> list[CarriedRow]:
        """What is committed of these rows' records; `held` are records known to be open, with their places."""
        if not rows:
            return []
        ids = {row.sequence: [record_id(record) for record in unpack(row.records)] for row in rows}
        wanted = {one for names in ids.values() for one in names}
        places = self._outputs.places(decided_at(self._database, rows[0]), wanted)
        if places is None:
            return [
                CarriedRow(
                    row.topic, row.partition, row.sequence, row.sequence <= receipt, len(ids[row.sequence]), None,
                    published_again=False,
                )
                for row in rows
            ]  # fmt: skip
        committed = self._committed_places(places)
        others = {record for record, place in places if place in committed and (record, place) not in set(held)}
        return [
            CarriedRow(
                row.topic, row.partition, row.sequence, row.sequence <= receipt, len(ids[row.sequence]),
                sum(one in others for one in ids[row.sequence]),
                published_again=any(record in others for record, _ in held if record in ids[row.sequence]),
            )
            for row in rows
        ]  # fmt: skip

    def _committed_places(self, places: Sequence[tuple[RecordId, Place]]) -> set[Place]:
        by_partition: defaultdict[PartitionKey, list[int]] = defaultdict(list)
        for _, (partition, offset) in places:
            by_partition[partition].append(offset)
        committed: set[Place] = set()
        ends = self._ends(by_partition)
        for partition, offsets in by_partition.items():
            decided = ends_of(self._brokers.batches(partition, min(offsets), ends[partition]))
            for (first, last), how in decided.items():
                if how:
                    committed |= {(partition, offset) for offset in offsets if first <= offset <= last}
        return committed


def _known_published(connection: Connection, key: PartitionKey) -> int:
    """The newest row that was noted as published; for a partition whose committed offset is gone or was moved."""
    row = connection.execute(_KNOWN_PUBLISHED, key).fetchone()
    return int(row[0]) if row else 0


def _unknown(key: PartitionKey, *, rolled_back: bool = False) -> CarriedRow:
    """A row that the journal does not have."""
    return CarriedRow(
        *key, None, receipted=False, records=0, committed=0, published_again=False, rolled_back=rolled_back
    )  # fmt: skip


def _bare(receipts: Receipts) -> list[CarriedRow]:
    """Of a transaction that only confirms what is published: a first receipt, or one that a repair has restored."""
    return [
        CarriedRow(*key, sequence, receipted=True, records=0, committed=0, published_again=False)
        for key, sequence in sorted(receipts.items())
    ]


def offsets_partition(group_id: str, partitions: int) -> int:
    """The partition of `__consumer_offsets` that holds a group, by the absolute value of Java's `String.hashCode`.

    Source: Kafka, GroupCoordinatorService.partitionFor and Utils.abs, which makes the smallest integer 0.
    """
    encoded = group_id.encode("utf-16-be")
    code = 0
    for at in range(0, len(encoded), 2):
        code = (31 * code + int.from_bytes(encoded[at : at + 2], "big")) & 0xFFFFFFFF
    magnitude = min(code, 2**32 - code)
    return (0 if magnitude == 2**31 else magnitude) % partitions


def _committed_offset(group_id: str, key: bytes | None, value: bytes | None) -> tuple[PartitionKey, int] | None:
    """Raw partition and journal row of a committed offset of the group; None for any other record.

    Layout: Kafka, group-coordinator messages OffsetCommitKey (0, 1) and OffsetCommitValue (0 to 4).
    """
    if key is None or value is None:
        return None
    of = Reader(key)
    if of.int16() > 1 or of.string() != group_id:
        return None
    partition = (of.string() or "", of.int32())
    said = Reader(value)
    version = said.int16()
    said.int64()
    if version >= 3:
        said.int32()
    flexible = 4
    metadata = said.take(said.unsigned_varint() - 1).decode() if version >= flexible else said.string()
    # confluent-kafka sends C's terminating NUL along, and cuts it off again where it reads.
    return partition, published_sequence(Committed(0, (metadata or "").rstrip("\0"))) or 0
