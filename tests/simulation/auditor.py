"""The auditor: watches a schedule as somebody outside would, and says at once when a promise is broken.

It shares nothing with the engine but the names of headers and the layout of a journal row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from producers.journal_records import unpack
from producers.topics import GUESTS, ORDERS, OUTPUT_TOPICS
from tests.simulation.broker import Broker, Entry, TopicPartitionKey, Transaction
from tests.simulation.database import Server

OUTPUTS = frozenset(topic.name for topic in OUTPUT_TOPICS)
_VERSIONED = {ORDERS.name, GUESTS.name}


class Violation(AssertionError):
    """A broken promise."""


class Auditor:
    """Told of every record that read-committed readers get to see, and of every receipt."""

    def __init__(self, broker: Broker, server: Server) -> None:
        self._broker = broker
        self._server = server
        self._seen: set[tuple[str, bytes]] = set()
        self._versions: dict[tuple[str, bytes], int] = {}
        self._receipts: dict[TopicPartitionKey, int] = {}
        self.caused: Counter[str] = Counter()
        self.tainted: set[bytes] = set()
        """Orders and guests whose newest state a fail-over has lost: their versions may be given again."""
        self.lost_tail = False
        self.meddled: set[TopicPartitionKey] = set()
        """Partitions whose receipts somebody else has changed."""
        broker.on_visible = self._visible
        broker.on_receipt = self._receipt
        broker.on_commit = lambda transaction: self._with_receipt(transaction)

    def _visible(self, key: TopicPartitionKey, entry: Entry) -> None:
        assert entry.record is not None
        headers = dict(entry.record.headers)
        identity = headers["ce_id"]
        subject, _, version = identity.rpartition(b"/")
        if entry.record.key in self.tainted:
            return
        if (key[0], identity) in self._seen:
            raise Violation(f"published twice: {key[0]} {identity.decode()}")
        self._seen.add((key[0], identity))
        self.caused[headers["ordergate_cause"].decode()] += 1
        if key[0] in _VERSIONED:
            before = self._versions.get((key[0], subject), 0)
            if int(version) != before + 1:
                raise Violation(f"out of order: {key[0]} {subject.decode()} version {int(version)} after {before}")
            self._versions[key[0], subject] = int(version)

    def _with_receipt(self, transaction: Transaction) -> None:
        """Outputs without their receipt would be published again by whoever recovers now."""
        if transaction.records and not transaction.offsets:
            raise Violation("outputs were committed without their receipt")

    def _receipt(self, key: TopicPartitionKey) -> None:
        offset, metadata = self._broker.offsets[key]
        sequence = int(metadata.removeprefix("ordergate:"))
        self._not_ahead(key, offset, sequence)
        if sequence < self._receipts.get(key, 0) and key not in self.meddled:
            raise Violation(f"a receipt went back: {key} row {sequence} after {self._receipts[key]}")
        self._receipts[key] = sequence

    def _not_ahead(self, key: TopicPartitionKey, offset: int, sequence: int) -> None:
        """What Kafka has and the database does not would be decided again."""
        position = self._server.tables["positions"].get(key)
        ahead = position is None or position["sequence"] < sequence or position["next_offset"] < offset
        if ahead and not self.lost_tail:
            raise Violation(f"Kafka is ahead of the database: {key} row {sequence}")

    # --- at the end

    def settled(self, keys: list[TopicPartitionKey]) -> bool:
        """Whether every raw event of these partitions is decided and everything decided is visible."""
        if any(not transaction.torn for transaction in self._broker.transactions):
            return False
        tables = self._server.tables
        for key in keys:
            position = tables["positions"].get(key)
            log = self._broker.log(key)
            if position is None or log.next_from(position["next_offset"]) is not None:
                return False
            if self._broker.offsets.get(key) != (position["next_offset"], f"ordergate:{position['sequence']}"):
                return False
        return not any(row["outcome"] == "PARKED" for row in tables["outcomes"].values() if _key(row) in keys)

    def close(self, keys: list[TopicPartitionKey], *, complete: bool) -> None:
        """Conservation and equality with the journal, for partitions that are settled.

        Not `complete`: some of what is decided cannot be seen, by no fault of the worker.
        """
        tables = self._server.tables
        raw = {(*key, e.offset) for key in keys for e in self._broker.log(key).entries if e.record is not None}
        outcomes = Counter((*_key(row), row["raw_offset"]) for row in tables["outcomes"].values())
        mine = Counter({position: n for position, n in outcomes.items() if position[:2] in keys})
        if mine != Counter(raw):
            raise Violation(f"outcomes: missing {sorted(Counter(raw) - mine)}, too many {sorted(mine - Counter(raw))}")
        journal = [row for _, row in sorted(tables["journal"].items()) if _key(row) in keys]
        wanted: Counter[tuple[str, bytes]] = Counter()
        for row in journal:
            for record in unpack(row["records"]):
                identity = dict(record.headers)["ce_id"]
                if record.key not in self.tainted:
                    wanted[record.topic, identity] += 1
        if twice := [one for one, times in wanted.items() if times > 1]:
            raise Violation(f"decided twice: {twice}")
        if not complete:
            return
        if missing := sorted(set(wanted) - self._seen):
            raise Violation(f"decided and never published: {missing}")
        if self.tainted:
            return
        for row in tables["outcomes"].values():
            cause = f"{row['topic']}/{row['partition']}/{row['raw_offset']}"
            if _key(row) in keys and self.caused[cause] != row["outputs"]:
                raise Violation(f"{cause}: {row['outputs']} outputs expected, {self.caused[cause]} visible")
        if len(keys) < sum(len(topic.partitions) for name, topic in self._broker.topics.items() if name not in OUTPUTS):
            return
        self._compare_versions("orders", "order_id", "canonical_version", ORDERS.name)
        self._compare_versions("guests", "guest_id", "version", GUESTS.name)

    def _compare_versions(self, table: str, name: str, version: str, topic: str) -> None:
        stored = {row[name]: row[version] for row in self._server.tables[table].values()}
        visible = {subject.decode(): last for (of, subject), last in self._versions.items() if of == topic}
        if stored != visible:
            raise Violation(f"{table}: stored versions {stored}, visible {visible}")


@contextmanager
def seen_from_outside() -> Iterator[None]:
    """Without the two checks that say a rule over again: its removal then has to show as harm that somebody sees."""

    def nothing(*_: object) -> None: ...

    with patch.object(Auditor, "_with_receipt", nothing), patch.object(Auditor, "_not_ahead", nothing):
        yield


def _key(row: dict[str, object]) -> TopicPartitionKey:
    return row["topic"], row["partition"]  # type: ignore[return-value]  # columns of these types
