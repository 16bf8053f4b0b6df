"""The Kafka client that a source reads with: its calls, its settings, and how it is closed."""

# ruff: noqa: D102 -- the methods of the protocol are confluent-kafka's own

from __future__ import annotations

import struct
import threading
from collections.abc import Callable
from typing import Any, Protocol

from confluent_kafka import KafkaException, Message, TopicPartition

_CLOSE_PATIENCE_S = 1.0


class Consumer(Protocol):
    """What of a confluent-kafka Consumer is used: so that a simulated one can stand in its place."""

    def subscribe(self, topics: list[str], **callbacks: Callable[..., None]) -> None: ...
    def poll(self, timeout: float) -> Message | None: ...
    def consume(self, num_messages: int, timeout: float) -> list[Message]: ...
    def consumer_group_metadata(self) -> object: ...
    def incremental_assign(self, partitions: list[TopicPartition]) -> None: ...
    def incremental_unassign(self, partitions: list[TopicPartition]) -> None: ...
    def pause(self, partitions: list[TopicPartition]) -> None: ...
    def resume(self, partitions: list[TopicPartition]) -> None: ...
    def seek(self, partition: TopicPartition) -> None: ...
    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]: ...
    def list_topics(self, topic: str, timeout: float) -> object: ...
    def get_watermark_offsets(self, partition: TopicPartition, timeout: float, *, cached: bool) -> tuple[int, int]: ...
    def close(self) -> None: ...


_MOST_AT_ONCE = 4 * 1024 * 1024


def consumer_config(
    bootstrap_servers: str, group_id: str, protocol: str, slot: str, session_timeout_ms: int
) -> dict[str, Any]:
    """Settings of the worker's consumer, for either group protocol."""
    config: dict[str, Any] = {
        "bootstrap.servers": bootstrap_servers,
        "group.id": group_id,
        "group.protocol": protocol,
        "client.id": f"{group_id}-{slot}",
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        "metadata.recovery.strategy": "none",
        "fetch.queue.backoff.ms": 10,
        "fetch.wait.max.ms": 100,
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 1000,
        # A response stays in memory until its last message is gone. One record may be larger: it comes alone (KIP-74).
        "fetch.max.bytes": _MOST_AT_ONCE,
        "fetch.message.max.bytes": _MOST_AT_ONCE,
        "queued.max.messages.kbytes": 65536,
    }
    if protocol == "classic":
        config["partition.assignment.strategy"] = "cooperative-sticky"
        config["session.timeout.ms"] = session_timeout_ms
        config["heartbeat.interval.ms"] = max(session_timeout_ms // 4, 250)
        # No `group.instance.id`: a static member that dies between the two rounds of a cooperative rebalance and is
        # restarted in time comes back without the second round, and the partitions it was to get stay nobody's.
    return config


def is_joined_member(group_metadata: object) -> bool:
    """Whether the metadata is of a joined member: empty metadata skips the broker's fencing altogether.

    Layout (librdkafka, undocumented): `CGMDv2:`, generation as little-endian int32, group NUL member NUL …
    """
    if not isinstance(group_metadata, bytes) or not group_metadata.startswith(b"CGMDv2:"):
        return group_metadata is not None
    (generation,) = struct.unpack_from("<i", group_metadata, 7)
    _group, member, *_ = group_metadata[11:].split(b"\0")
    return generation > 0 and bool(member)


def close(consumer: Consumer) -> None:
    """Close a client that finds no broker, without waiting for long; its partitions are already let go."""

    def end() -> None:
        try:
            consumer.close()
        except (KafkaException, RuntimeError):
            return  # nobody owns anything of it any more

    thread = threading.Thread(target=end, name="close-consumer", daemon=True)
    thread.start()
    thread.join(_CLOSE_PATIENCE_S)
