"""Reading logs as any consumer can: read-committed, from offset to offset, changing nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource  # type: ignore[attr-defined]  # as in ingest.kafka_admin

from audit.errors import NotAudited
from audit.facts import LogRecord
from audit.standing import Receipt

T = TypeVar("T")
Key = tuple[str, int]
"""Topic and partition."""

_ANSWER_S: Final = 10.0
_AT_ONCE: Final = 2_000
_PAUSE_S: Final = 0.2
_GATHER_S: Final = 0.05


class Kafka:
    """Asks one cluster. Every method raises NotAudited when it does not answer. Used in a `with`."""

    def __init__(self, bootstrap_servers: str, group_id: str | None, patience_s: float) -> None:
        """`patience_s`: how long to wait for something that other programs have to do first."""
        self._servers = bootstrap_servers
        self._patience_s = patience_s
        self._complaints: list[str] = []
        self.removed: set[Key] = set()
        """Logs whose oldest records were removed before they could be read."""
        common = {
            "bootstrap.servers": bootstrap_servers,
            # A consumer has to name a group even if, as here, it never joins it and commits nothing.
            "group.id": group_id or "ordergate-audit",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "log_level": 0,
            "error_cb": lambda error: self._complaints.append(error.str()),
        }
        reading = {
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            # A broker answers for an empty log only after this wait.
            "fetch.wait.max.ms": 50,
            "fetch.queue.backoff.ms": 10,
            "fetch.message.max.bytes": 16 * 1024 * 1024,
            "queued.max.messages.kbytes": 64 * 1024,
            "queued.min.messages": 20_000,
        }
        self._consumer = Consumer({**common, **reading})
        # To a read-committed consumer a log ends before the first transaction that is open.
        self._asker = Consumer({**common, "isolation.level": "read_uncommitted"})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()
        self._asker.close()

    def partitions(self) -> dict[str, int]:
        """How many partitions each topic of the cluster has."""
        found = self._answer(lambda: self._asker.list_topics(timeout=_ANSWER_S)).topics
        return {name: len(topic.partitions) for name, topic in found.items() if topic.error is None}

    def bounds(self, keys: Iterable[Key]) -> dict[Key, tuple[int, int]]:
        """The first and the next offset of each log, transactions under way included."""
        return {key: self._bounds(key) for key in keys}

    def kept_ms(self, topics: Iterable[str]) -> dict[str, int]:
        """For how long each topic keeps its records, in milliseconds, where time alone decides that.

        Topics are left out that are compacted, or bounded in bytes, or whose settings nobody may read.
        """
        client = AdminClient({"bootstrap.servers": self._servers, "log_level": 0})
        asked = client.describe_configs(
            [ConfigResource(ConfigResource.Type.TOPIC, name) for name in topics], request_timeout=_ANSWER_S
        )
        kept = {}
        for resource, answer in asked.items():
            with suppress(KafkaException):
                told = {name: entry.value for name, entry in answer.result().items()}
                kept_ms = int(told["retention.ms"])
                if told["cleanup.policy"] == "delete" and told["retention.bytes"] == "-1" and kept_ms >= 0:
                    kept[resource.name] = kept_ms
        return kept

    def offsets_at(self, keys: Iterable[Key], timestamp_ms: int) -> dict[Key, int | None]:
        """The offset of the first record with that timestamp or a later one, by partition; None without one."""
        asked = [TopicPartition(*key, timestamp_ms) for key in keys]
        if not asked:
            return {}
        found = self._answer(lambda: self._asker.offsets_for_times(asked, timeout=_ANSWER_S))
        return {(one.topic, one.partition): one.offset if one.offset >= 0 else None for one in found}

    def receipt(self, key: Key) -> Receipt | None:
        """What the group has committed and no transaction under way can change; None when there is no such thing."""
        until = time.monotonic() + _ANSWER_S
        while True:
            try:
                # One at a time: one that is not stable would hold up the answer on all.
                found = self._consumer.committed([TopicPartition(*key)], timeout=2.0)[0]
            except KafkaException as error:
                if time.monotonic() > until:
                    return None
                if error.args[0].code() not in (KafkaError._TIMED_OUT, KafkaError._TIMED_OUT_QUEUE):
                    time.sleep(_PAUSE_S)
                continue
            if found.error is None:
                return Receipt(found.offset, found.metadata or "") if found.offset >= 0 else None
            if time.monotonic() > until:
                return None
            time.sleep(_PAUSE_S)

    def has(self, key: Key, offset: int) -> bool:
        """Whether a log has a record at that offset."""
        return any(True for _ in self.read({key: (offset, offset + 1)}))

    def read(self, spans: Mapping[Key, tuple[int, int]]) -> Iterator[LogRecord]:
        """The committed records of each partition from its first offset to below its second.

        Where the first records were removed meanwhile, the log is read from its new start and is in `removed`.
        Raises NotAudited, too, when a log cannot be read to its end: a transaction may stay open there.
        """
        at = {key: start for key, (start, end) in spans.items() if start < end}
        left = {key: spans[key][1] for key in at}
        self._consumer.assign([TopicPartition(*key, start) for key, start in at.items()])
        progress = time.monotonic()
        try:
            while left:
                # Any: the client's types say of each part of a message that it may be missing.
                messages: list[Any] = self._consumer.consume(_AT_ONCE, _GATHER_S)
                for message in messages:
                    key, offset, error = (message.topic(), message.partition()), message.offset(), message.error()
                    if key not in left:
                        continue
                    if error is None and offset < left[key]:
                        progress = time.monotonic()
                        yield LogRecord(
                            *key, offset, message.timestamp()[1], message.key(), message.value(),
                            message.headers() or [],
                        )  # fmt: skip
                        at[key] = offset + 1
                    elif error is None or error.code() == KafkaError._PARTITION_EOF:
                        at[key] = offset
                    else:
                        self._go_on(key, at, error)
                    if at[key] >= left[key]:
                        del left[key]
                        self._consumer.incremental_unassign([TopicPartition(*key)])
                if left and time.monotonic() - progress > self._patience_s:
                    raise self._stuck(left, at)
        finally:
            # After an error the caller's traceback may keep this generator until the client is closed.
            with suppress(RuntimeError):
                self._consumer.unassign()

    def _bounds(self, key: Key) -> tuple[int, int]:
        partition = TopicPartition(*key)
        return self._answer(lambda: self._asker.get_watermark_offsets(partition, timeout=_ANSWER_S, cached=False))

    def _answer(self, ask: Callable[[], T]) -> T:
        """The answer to a question, asked again for a while: a leader may be moving."""
        until = time.monotonic() + _ANSWER_S
        while True:
            try:
                return ask()
            except KafkaException as error:
                if time.monotonic() > until:
                    raise self._away(error) from error
                time.sleep(_PAUSE_S)

    def _go_on(self, key: Key, at: dict[Key, int], error: KafkaError) -> None:
        """After an error of a partition: what the client repeats by itself is left to it."""
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            self.removed.add(key)
            at[key] = self._bounds(key)[0]
            self._consumer.incremental_unassign([TopicPartition(*key)])
            self._consumer.incremental_assign([TopicPartition(*key, at[key])])
        elif error.fatal() or not error.retriable():
            self._complaints.append(error.str())

    def _stuck(self, left: Mapping[Key, int], at: Mapping[Key, int]) -> NotAudited:
        told = [f"{key[0]}/{key[1]} is read up to {at[key]} of {end}" for key, end in left.items()]
        return NotAudited(
            f"{len(left)} logs cannot be read to their end",
            known="\n".join([*told[:10], f"for {self._patience_s:.0f} s nothing came", *self._complaints[-1:]]),
            do="see that the brokers answer, and that no transaction hangs (kafka-transactions.sh find-hanging)",
        )

    def _away(self, error: KafkaException) -> NotAudited:
        self._consumer.poll(0)
        told = self._complaints[-1] if self._complaints else error.args[0].str()
        return NotAudited(
            f"Kafka at {self._servers} cannot be read", known=told,
            do="start the brokers or correct KAFKA_BOOTSTRAP_SERVERS, then audit again",
        )  # fmt: skip
