"""What of the brokers and of their own topics breaks a promise. Source: Kafka documentation, "Broker Configs"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from ingest.cli.looked import Looked, Verdict, judged, unless
from ingest.kafka_admin import KafkaAdmin
from ingest.settings import Settings
from producers.topics import MAX_RECORD_BYTES

_DAY_MINUTES: Final = 24 * 60
_REMEDY: Final = "keep 3 replicas (kafka-reassign-partitions.sh), 2 of them in sync (min.insync.replicas=2)"
_INTERNAL_TOPICS: Final = {
    "__consumer_offsets": ("offsets.topic.replication.factor", "min.insync.replicas"),
    "__transaction_state": ("transaction.state.log.replication.factor", "transaction.state.log.min.isr"),
}


def every_broker(given: Settings, admin: KafkaAdmin, brokers: int) -> Iterator[Looked]:
    """What one broker says, and in what others differ from it."""
    kept, told = _internal_topics(admin), frozenset[Looked]()
    for number, found in admin.broker_settings().items():
        looked = list(broker(given, found | kept, brokers))
        for one in looked:
            if one not in told:
                yield replace(one, subject=f"{one.subject} of broker {number}") if told else one
        told |= set(looked)


def broker(given: Settings, found: Mapping[str, str], brokers: int) -> Iterator[Looked]:
    """Whether Kafka keeps what it confirmed, and lets a worker work."""
    area = "Kafka"
    yield Looked(area, given.kafka_bootstrap_servers, Verdict.OK, f"answers, {brokers} broker{'s'[: brokers != 1]}")
    yield replicas(
        area, "transaction.state.log", found["transaction.state.log.replication.factor"],
        found["transaction.state.log.min.isr"], brokers, "the outcome of a committed transaction",
    )  # fmt: skip
    yield replicas(
        area, "offsets.topic", found["offsets.topic.replication.factor"],
        found["min.insync.replicas"], brokers, "the committed offsets, which say what is published",
    )  # fmt: skip
    unclean = found.get("unclean.leader.election.enable", "false")
    yield judged(
        area, "unclean.leader.election.enable", unclean, unless(unclean == "false"),
        "a broker that lacks confirmed records may become their leader: they are gone", "set it to false",
    )  # fmt: skip
    minutes = int(found["offsets.retention.minutes"])
    forgets = Verdict.WARN if _DAY_MINUTES <= minutes < 7 * _DAY_MINUTES else unless(minutes >= _DAY_MINUTES)
    yield judged(
        area, "offsets.retention.minutes", str(minutes), forgets,
        "after so long without a worker, nobody knows what is published", "set it to 10080 (7 days) or more",
    )  # fmt: skip
    yield judged(
        area, "transaction.max.timeout.ms", found["transaction.max.timeout.ms"],
        unless(int(found["transaction.max.timeout.ms"]) >= given.transaction_timeout_ms),
        f"no producer may start: ORDERGATE_TRANSACTION_TIMEOUT_MS is {given.transaction_timeout_ms}",
        "raise it, or lower ORDERGATE_TRANSACTION_TIMEOUT_MS",
    )  # fmt: skip
    clean_up = int(found.get("transaction.abort.timed.out.transaction.cleanup.interval.ms", "10000"))
    yield judged(
        area, "transaction.abort…cleanup.interval.ms", str(clean_up),
        unless(given.transaction_timeout_ms + clean_up <= given.stable_offset_deadline_s * 1000),
        "after a crash, partitions halt before the broker has ended the dead worker's transaction",
        "lower it, or raise ORDERGATE_STABLE_OFFSET_DEADLINE_S",
    )  # fmt: skip
    protocols = found.get("group.coordinator.rebalance.protocols", "classic,consumer")
    yield judged(
        area, "group protocol", given.group_protocol, unless(given.group_protocol in protocols.split(",")),
        f"the brokers know {protocols} only", "set ORDERGATE_GROUP_PROTOCOL=classic, or upgrade the brokers",
    )  # fmt: skip
    largest = int(found["message.max.bytes"])
    yield judged(
        area, "message.max.bytes", str(largest), Verdict.OK if largest >= MAX_RECORD_BYTES else Verdict.WARN,
        "a topic made without settings of its own takes no large event",
        f"set it to {MAX_RECORD_BYTES}, or make topics by ordergate topics create",
    )  # fmt: skip


def replicas(area: str, subject: str, replication: str, in_sync: str, brokers: int, what: str) -> Looked:
    """How often something is kept, and how many copies confirm it; `what` is lost without them."""
    found = f"{replication} replicas, {in_sync} in sync to confirm"
    if brokers == 1:
        return Looked(
            area, subject, Verdict.WARN, found,
            f"one broker: with its disk {what} would be lost. Fine on a developer's machine",
            "run three brokers",
        )  # fmt: skip
    if int(replication) >= 2 and int(replication) <= int(in_sync):
        return Looked(
            area, subject, Verdict.WARN, found,
            "all of them have to confirm: nothing is lost, and everything waits while one broker is away",
            _REMEDY,
        )  # fmt: skip
    return judged(
        area, subject, found, unless(int(replication) >= 2 and int(in_sync) >= 2),
        f"when one broker is lost, so is {what}", _REMEDY,
    )  # fmt: skip


def _internal_topics(admin: KafkaAdmin) -> dict[str, str]:
    """What Kafka's own topics are kept with, under the names of the settings that new ones are made with."""
    found: dict[str, str] = {}
    for topic in admin.existing(_INTERNAL_TOPICS).values():
        copies, in_sync = _INTERNAL_TOPICS[topic.name]
        found |= {copies: str(topic.replication), in_sync: admin.topic_settings(topic.name)["min.insync.replicas"]}
    return found
