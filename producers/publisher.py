"""One Kafka transaction per call: output records and consumer offsets, together or not at all.

librdkafka has no KIP-890 (confluentinc/librdkafka#5423): a commit that was silently retried may arrive late and
commit part of the next transaction. So a producer that shows any sign of doubt is destroyed. The next one has a
`transactional.id` of its own: a broker that was killed while it ended a transaction may have skipped some of its
markers, and the next marker of the same id would end what they left open, rightly or wrongly. What an old id still
has under way is fenced by initialising it once more, which recovery does before it reads anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NoReturn

import orjson
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from producers.kafka_producer import Producer, close_producer, fatal_error_told
from producers.records import OutputRecord

# Answers of a group coordinator that no longer knows this member or generation: routine at every rebalance.
_GROUP_FENCED = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError.FENCED_MEMBER_EPOCH,
    }
)
_ONCE_EACH = ("TxnOffsetCommit", "EndTxn")
"""Requests that may be sent no more often than they were asked for."""
_STATISTICS_PATIENCE_S = 1.0


class Doubt(Exception):
    """The transaction may or may not have been committed. Only recovery can tell."""

    def __init__(self, reason: str, cause: KafkaException | None = None) -> None:
        super().__init__(f"{reason}: {cause}" if cause else reason)
        self.reason = reason


class GroupFenced(Exception):
    """The group has moved on; the transaction was aborted cleanly and nothing of it is visible."""


Deadline = Callable[[str], AbstractContextManager[None]]
"""Opens a named deadline that another thread keeps: no Kafka call may outlast it."""


class TransactionalPublisher:
    """Owns one producer at a time. After `Doubt` there is none, until recovery opens the next."""

    def __init__(
        self,
        make_producer: Callable[[dict[str, Any]], Producer],
        config: dict[str, Any],
        monotonic: Callable[[], float],
        deadline: Deadline,
        on_recycle: Callable[[str], None],
        now: Callable[[], int],
    ) -> None:
        """`config` has the slot's `transactional.id`, to which each producer adds `now()`, in microseconds."""
        self._make_producer = make_producer
        self._config = {**config, "stats_cb": self._on_statistics, "error_cb": self._on_error}
        self._now = now
        self.transactional_id = ""
        """Of the producer that is open, or was last."""
        self.unended: set[str] = set()
        """Ids of earlier producers that may have something under way, until somebody has initialised them."""
        self._monotonic = monotonic
        self._deadline = deadline
        self._on_recycle = on_recycle
        self._slow_s = 0.8 * config["retry.backoff.ms"] / 1000
        self._call_timeout_s = config["transaction.timeout.ms"] / 1000
        self._producer: Producer | None = None
        self._under_way: int | None = None
        """Records of the transaction under way; None while there is none."""
        self._sent: Counter[str] = Counter()
        """How often each of these requests was asked for."""
        self._statistics: str | None = None
        """The client's own counters, as it reported them last."""
        self._statistics_at = 0.0
        self._unexamined_since: float | None = None
        """When a call ended that was so slow that it may have been retried unseen, or the client told of a connection
        that it lost; None once that is settled."""

    def ensure_open(self) -> None:
        """Start a producer when there is none. Raises Doubt when the broker is away."""
        if self._producer is None:
            self._open()

    def _open(self) -> None:
        self._sent.clear()
        self._statistics = None
        self._unexamined_since = None
        name = f"{self._config['transactional.id']}-{self._now():x}"
        producer = self._make_producer({**self._config, "transactional.id": name})
        try:
            with self._deadline("init_transactions"), fatal_error_told():
                producer.init_transactions(self._call_timeout_s)
        except KafkaException as error:
            close_producer(producer)
            raise Doubt("init_transactions", error) from error
        self._producer, self.transactional_id = producer, name

    def close(self) -> None:
        """Let the producer go; an open transaction is aborted by the broker at the latest on its timeout."""
        if self._producer is not None:
            close_producer(self._producer)
            self._producer, self._under_way = None, None
            self.unended.add(self.transactional_id)

    def serve(self) -> None:
        """Let callbacks run: statistics that nobody takes would pile up while nothing is published."""
        producer, since = self._producer, self._unexamined_since
        if producer is None or not self._poll(producer, 0):
            return
        if since is not None and self._statistics_at > since:
            self._examine(producer)

    def publish(
        self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition], group_metadata: object
    ) -> None:
        """Publish records and offsets in one transaction; without offsets the group is not asked.

        Raises GroupFenced when the group refused the offsets and the abort was clean, Doubt for anything else:
        then no producer is open, and the caller recovers.
        """
        self.begin(records)
        self.commit(offsets, group_metadata)

    def begin(self, records: Sequence[OutputRecord]) -> None:
        """Begin a transaction and send records, of which nobody sees anything before `commit`. Waits for nothing.

        Raises Doubt.
        """
        if self._producer is not None and self._unexamined_since is not None:
            self._examine(self._producer)
        producer = self._open_one()
        try:
            with fatal_error_told(), self._deadline("produce"):
                producer.begin_transaction()
                self._under_way = len(records)
                produce = producer.produce
                for topic, key, value, headers in records:
                    produce(topic, value, key, headers=headers)
        except (KafkaException, BufferError) as error:
            self._after_failure(producer, error)

    def commit(self, offsets: Sequence[TopicPartition], group_metadata: object) -> None:
        """Publish what `begin` sent, together with offsets. Raises GroupFenced or Doubt, as `publish`."""
        producer = self._open_one()
        try:
            with fatal_error_told():
                self._finish(producer, offsets, group_metadata)
        except (KafkaException, BufferError) as error:
            self._after_failure(producer, error)
        self._under_way = None

    def abort(self) -> None:
        """Take back what `begin` sent, if it did. Raises Doubt when that is not certain."""
        producer, records = self._producer, self._under_way
        if producer is None or records is None:
            return
        try:
            # Nothing is left to be sent, so that it is known whether the client has something to end.
            self._deliver(producer)
            self._abort(producer, requests=min(records, 1))
        except (KafkaException, BufferError) as error:
            self._give_up(error)

    def _open_one(self) -> Producer:
        if self._producer is None:
            raise Doubt("no producer is open")
        return self._producer

    def _finish(self, producer: Producer, offsets: Sequence[TopicPartition], group_metadata: object) -> None:
        # Delivered first: a transaction that comes right after another one waits here until its partitions are
        # added (CONCURRENT_TRANSACTIONS), and what the next two calls take tells of them alone.
        self._deliver(producer)
        if self._unexamined_since is not None:
            self._examine(producer)
            if self._producer is None:
                raise Doubt("the connection to a coordinator was lost")
        if offsets:  # for none of them the client sends no request, and its counters would seem to lack one
            self._sent["TxnOffsetCommit"] += 1
            with self._deadline("send_offsets_to_transaction"), self._timing(producer):
                producer.send_offsets_to_transaction(list(offsets), group_metadata, self._call_timeout_s)
        self._sent["EndTxn"] += 1
        with self._deadline("commit_transaction"), self._timing(producer):
            producer.commit_transaction(self._call_timeout_s)

    def _deliver(self, producer: Producer) -> None:
        with self._deadline("flush"):
            if producer.flush(self._call_timeout_s):
                raise BufferError("records were not delivered in time")

    def _abort(self, producer: Producer, requests: int = 1) -> None:
        """`requests`: how many EndTxn that takes; for a transaction of nothing the client sends none."""
        self._sent["EndTxn"] += requests
        with self._deadline("abort_transaction"), self._timing(producer), fatal_error_told():
            producer.abort_transaction(self._call_timeout_s)
        self._under_way = None

    def _after_failure(self, producer: Producer, error: KafkaException | BufferError) -> None:
        code = error.args[0].code() if isinstance(error, KafkaException) else None
        if code in _GROUP_FENCED:
            try:
                self._abort(producer)
            except KafkaException:
                pass  # not clean: the producer goes, as after every other error
            else:
                raise GroupFenced(str(error)) from error
        self._give_up(error)

    def _give_up(self, error: KafkaException | BufferError) -> NoReturn:
        self.close()
        self._on_recycle("transaction_failed")
        raise Doubt("transaction", error if isinstance(error, KafkaException) else None) from error

    @contextmanager
    def _timing(self, producer: Producer) -> Iterator[None]:
        """Note a call that took so long that the client may have sent its request twice."""
        started = self._monotonic()
        yield
        if self._monotonic() - started >= self._slow_s:
            producer.poll(0)  # what comes after this was reported after the call
            self._unexamined_since = self._monotonic()

    def _examine(self, producer: Producer) -> None:
        """Replace the producer unless every request was certainly sent once: before anything more is produced.

        Until then a second one that comes late finds no transaction that it could end, or whose receipt it could
        overwrite with an older one. The client's own counters tell: one EndTxn per end on a connection never lost,
        and one TxnOffsetCommit per transaction with offsets. The error callback never tells of the coordinator's
        connection, and `txretries` rises in healthy runs.
        """
        # One that has lost the group's coordinator goes, too: once that broker is no longer listed, the client waits
        # for it for ever (confluentinc/librdkafka#5456, #5511), where a new client asks who coordinates now.
        since, asked = self._unexamined_since, self._monotonic()
        assert since is not None
        with self._deadline("statistics"):
            while self._statistics_at <= since and self._monotonic() - asked < _STATISTICS_PATIENCE_S:
                if not self._poll(producer, 0.05):
                    return
        self._unexamined_since = None
        once_each = {name: self._sent[name] for name in _ONCE_EACH} | {"disconnects": 0, "req_timeouts": 0, "lost": 0}
        if self._statistics_at <= since or self._counted() != once_each:
            self.close()
            self._on_recycle("hidden_retry")

    def _poll(self, producer: Producer, timeout_s: float) -> bool:
        """Serve callbacks; False when one of them told that the producer has failed for good, and it is gone."""
        try:
            with fatal_error_told():
                producer.poll(timeout_s)
        except KafkaException:
            self.close()
            self._on_recycle("failed_while_idle")
            return False
        return True

    def _on_statistics(self, document: str) -> None:
        # Read when it is asked for: most reports are not.
        self._statistics, self._statistics_at = document, self._monotonic()

    def _on_error(self, _error: KafkaError) -> None:
        if self._unexamined_since is None:
            self._unexamined_since = self._monotonic()

    def _counted(self) -> dict[str, int] | None:
        """Requests as often as the client sent them, and what went wrong on the coordinators' connections."""
        brokers = orjson.loads(self._statistics)["brokers"] if self._statistics is not None else {}
        coordinator = brokers.get("TxnCoordinator")
        if coordinator is None:
            return None
        of_group = [broker for broker in brokers.values() if broker["req"].get("TxnOffsetCommit")]
        return {
            "EndTxn": coordinator["req"].get("EndTxn", 0),
            "disconnects": coordinator["disconnects"],
            "req_timeouts": coordinator["req_timeouts"],
            "lost": sum(broker.get("state", "UP") != "UP" for broker in of_group),
            # Sent to the group's coordinator, on the connection of whichever broker that is.
            "TxnOffsetCommit": sum(broker["req"]["TxnOffsetCommit"] for broker in of_group),
        }


def end_transaction_of(
    make_producer: Callable[[dict[str, Any]], Producer], config: dict[str, Any], timeout_s: float
) -> None:
    """End at once whatever transaction a dead owner left open, by initialising its `transactional.id`.

    Raises Doubt when the broker does not answer in time.
    """
    producer = make_producer(config)
    try:
        with fatal_error_told():
            producer.init_transactions(timeout_s)
    except KafkaException as error:
        raise Doubt("take_over", error) from error
    finally:
        close_producer(producer)
