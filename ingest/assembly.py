"""Putting a worker together: every part from the settings, nothing hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, cast

import confluent_kafka
from sqlalchemy.exc import OperationalError

from consumers.catalogue import chosen
from consumers.channel import Channel
from consumers.kafka_consumer import Consumer, consumer_config
from consumers.kafka_source import BrokerSilent, KafkaSource, PartitionKey
from ingest.clock import SystemTime, TimeSource
from ingest.database import retention, schema_ids
from ingest.database.connection import Database, DatabaseLost
from ingest.database.migrate import check_migrated
from ingest.database.output_ends import OutputEnd
from ingest.database.read_ahead import ReadAhead, no_read_ahead
from ingest.epoch_ends import epoch_ends
from ingest.errors import BrokerAway, DatabaseAway
from ingest.governing import build_pipeline
from ingest.kafka_admin import KafkaAdmin
from ingest.schema_registry import ask_ids, fingerprints
from ingest.settings import Settings
from ingest.state import Carrier
from ingest.telemetry.health import Health
from ingest.telemetry.kafka_log import kafka_logger
from ingest.telemetry.metrics import Metrics, RuleInfo
from ingest.worker.batch import BatchProcessor
from ingest.worker.client_watch import ClientWatch
from ingest.worker.fetch_watch import FetchWatch
from ingest.worker.garbage import GarbageCollection
from ingest.worker.loop import Worker
from ingest.worker.observer import Observer
from ingest.worker.output_watch import OutputWatch
from ingest.worker.ownership import Ownership
from ingest.worker.phases import Phases
from ingest.worker.published import PublishedRows
from ingest.worker.reader_watch import ReaderWatch
from ingest.worker.reading import Reading
from ingest.worker.recovery import Recovery
from ingest.worker.sender import NoSender
from ingest.worker.slot import SlotLease
from ingest.worker.watchdog import Watchdog
from producers.kafka_producer import Producer, producer_config
from producers.publisher import TransactionalPublisher, end_transaction_of
from producers.topics import OUTPUT_TOPICS
from quality import contract_files
from schemas.codec import Codec

_HANGS_AFTER_S = 5.0
"""Past its own time-out, a call of a transaction hangs: after a group's coordinator was killed, many do at once."""


def retention_ranges(settings: Settings) -> list[retention.Range]:
    """The time-ranged tables with the times of these settings."""
    return retention.ranges(
        journal=timedelta(hours=settings.journal_retention_hours),
        outcomes=timedelta(days=settings.outcome_retention_days),
        findings=timedelta(days=settings.finding_retention_days),
        event_ids=timedelta(days=settings.event_id_retention_days),
    )


@contextmanager
def worker(settings: Settings, metrics: Metrics, health: Health) -> Iterator[Worker]:
    """A worker ready to run. Raises an OrdergateError when something it needs is not there."""
    time = SystemTime()
    channels = chosen(settings.channels)
    database_url = settings.database_url.get_secret_value()
    with ExitStack() as open_until_done:
        admin = open_until_done.enter_context(KafkaAdmin(settings.kafka_bootstrap_servers))
        admin.require([*(channel.topic for channel in channels), *(topic.name for topic in OUTPUT_TOPICS)])
        with _reachable(settings.database_address):
            check_migrated(database_url)
        slot = settings.slot
        if slot is None:
            lease = SlotLease(database_url, settings.database_address, settings.group_id)
            open_until_done.callback(lease.close)
            slot = lease.name
        watchdog = Watchdog(settings.kafka_call_deadline_s, time.monotonic)
        database = Database(database_url)
        with _reachable(settings.database_address):
            codec = Codec(schema_ids.resolve(database, lambda: ask_ids(settings), fingerprints()))
        metrics.rules(
            RuleInfo(rule.id, rule.field, rule.dimension, rule.severity.value, rule.owner, contract.ruleset_version)
            for contract in (contract_files.load(channel.contract) for channel in channels)
            for rule in contract.rules.values()
        )
        ahead = ReadAhead(database_url, time.monotonic)
        open_until_done.callback(ahead.close)
        clients = Clients(
            _consumer, _producer, database, partial(_topic_id, admin),
            partial(_epoch_ends, settings.kafka_bootstrap_servers),
            partial(_of_outputs, admin.ends), partial(_of_outputs, admin.held_up), ahead.expect,
        )  # fmt: skip
        assembled = assemble(
            settings, channels, slot, codec, clients, watchdog, metrics, health, time, GarbageCollection()
        )
        watchdog.start()
        open_until_done.callback(watchdog.stop)
        yield assembled


@contextmanager
def _reachable(address: str) -> Iterator[None]:
    """Tells a database that is away, or goes away, before the worker runs as DatabaseAway."""
    try:
        yield
    except (OperationalError, DatabaseLost) as error:
        raise DatabaseAway(address, str(getattr(error, "orig", error)).strip()) from error


def _topic_id(admin: KafkaAdmin, topic: str) -> str:
    """A topic's id; a broker that does not answer is a doubt like any other. Raises BrokerSilent, TopicsMissing."""
    try:
        return admin.topic_id(topic)
    except BrokerAway as away:
        raise BrokerSilent(f"topic id: {away.known}") from away


def _epoch_ends(servers: str, epochs: Mapping[PartitionKey, int]) -> Mapping[PartitionKey, int]:
    """Where leader epochs end. Raises BrokerSilent."""
    try:
        return epoch_ends(servers, epochs)
    except BrokerAway as away:
        raise BrokerSilent(f"leader epochs: {away.known}") from away


def _of_outputs(ask: Callable[[Sequence[str]], Sequence[OutputEnd]]) -> Sequence[OutputEnd]:
    """Asks about the output logs. Raises BrokerSilent."""
    try:
        return ask([topic.name for topic in OUTPUT_TOPICS])
    except BrokerAway as away:
        raise BrokerSilent(f"output ends: {away.known}") from away


@dataclass(frozen=True, slots=True)
class Clients:
    """A worker's ways to the outside. Which ones it is given decides where it runs: nothing else reaches out."""

    make_consumer: Callable[[dict[str, Any]], Consumer]
    make_producer: Callable[[dict[str, Any]], Producer]
    database: Database
    topic_id: Callable[[str], str]
    """Kafka's id of a topic, as of now."""
    epoch_ends: Callable[[Mapping[PartitionKey, int]], Mapping[PartitionKey, int]]
    """Where leader epochs end in their partitions' logs; nothing where the broker does not know."""
    output_ends: Callable[[], Sequence[OutputEnd]] | None = None
    """How far the output logs reach now; None where they cannot lose anything."""
    held_up: Callable[[], Sequence[OutputEnd]] | None = None
    """The output logs in which a transaction is open, and where it begins; None where none can stay open."""
    read_ahead: Callable[[Iterable[str]], None] = no_read_ahead
    """Has the database fetch orders that will be read soon."""


def assemble(
    settings: Settings,
    channels: Sequence[Channel],
    slot: str,
    codec: Codec,
    clients: Clients,
    watchdog: Watchdog,
    metrics: Metrics,
    health: Health,
    time: TimeSource,
    garbage: GarbageCollection,
) -> Worker:
    """Wire a worker's parts together; nothing is asked of the outside yet."""
    database = clients.database
    published = PublishedRows()
    pipeline = build_pipeline(
        channels,
        codec,
        settings.hash_key(),
        settings.contact_hash_key_id,
        settings.payload_limit_bytes,
        int(settings.park_deadline / timedelta(microseconds=1)),
        published.covers,
    )
    phases = Phases(time)
    observer = Observer(metrics, health, phases, time)
    tunable = {
        "transaction_timeout_ms": settings.transaction_timeout_ms,
        "retry_backoff_ms": settings.retry_backoff_ms,
        "statistics_interval_ms": settings.statistics_interval_ms,
    }
    servers, group_id = settings.kafka_bootstrap_servers, settings.group_id

    def take_over(transactional_id: str) -> None:
        with watchdog.deadline("take_over"):
            end_transaction_of(clients.make_producer, producer_config(servers, transactional_id, tunable), 30)

    publisher = TransactionalPublisher(
        clients.make_producer,
        producer_config(servers, f"{group_id}-{slot}", tunable),
        time.monotonic,
        partial(watchdog.deadline, at_most_s=settings.transaction_timeout_ms / 1000 + _HANGS_AFTER_S),
        observer.recycled,
        time.now,
    )
    ownership = Ownership(database, observer.released)
    consumer = consumer_config(servers, group_id, settings.group_protocol, slot, settings.session_timeout_ms)
    source = KafkaSource(
        partial(clients.make_consumer, consumer),
        [channel.topic for channel in channels],
        ownership,
        watchdog.deadline,
    )
    recovery = Recovery(
        database,
        source,
        publisher,
        clients.topic_id,
        clients.epoch_ends,
        take_over,
        settings.stable_offset_deadline_s,
        time,
        observer.recovered,
        health.tick,
        OutputWatch(database, clients.output_ends, time.monotonic),
    )
    remembered = timedelta(days=settings.event_id_retention_days)
    processor = BatchProcessor(pipeline, database, time, remembered, phases, publisher, clients.read_ahead)
    reading = Reading(
        source,
        ownership,
        processor,
        settings.batch_size,
        settings.batch_bytes,
        settings.poll_timeout_ms / 1000,
        settings.gather_ms / 1000,
        time,
    )
    keeper = retention.Retention(retention_ranges(settings), time.monotonic, time.now)
    readers = ReaderWatch(clients.held_up, settings.stable_offset_deadline_s, time.monotonic)
    client = ClientWatch(source, partial(clients.topic_id, channels[0].topic), time.monotonic)
    fetching = FetchWatch(source, ownership, time.monotonic)
    return Worker(
        source, ownership, reading, database, publisher, processor, recovery, published, keeper, readers, client,
        fetching, observer, phases, time, garbage,
    )  # fmt: skip


def batch_processor(settings: Settings, database: Database, is_published: Callable[[Carrier], bool]) -> BatchProcessor:
    """Decides as a worker does; `is_published` as in the hand-over.

    Raises SchemasUnresolved or RegistryAway.
    """
    time = SystemTime()
    pipeline = build_pipeline(
        chosen(settings.channels),
        Codec(schema_ids.resolve(database, lambda: ask_ids(settings), fingerprints())),
        settings.hash_key(),
        settings.contact_hash_key_id,
        settings.payload_limit_bytes,
        int(settings.park_deadline / timedelta(microseconds=1)),
        is_published,
    )
    remembered = timedelta(days=settings.event_id_retention_days)
    return BatchProcessor(pipeline, database, time, remembered, Phases(time), NoSender(), no_read_ahead)


def _producer(config: dict[str, Any]) -> Producer:
    return cast("Producer", confluent_kafka.Producer(config, logger=kafka_logger()))


def _consumer(config: dict[str, Any]) -> Consumer:
    return cast("Consumer", confluent_kafka.Consumer(config, logger=kafka_logger()))
