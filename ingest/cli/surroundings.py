"""What a worker stands on: no promise holds on a broker or a database set up to lose what it confirmed.

Sources: PostgreSQL documentation, "Write Ahead Log" (fsync, synchronous_commit, full_page_writes); Kafka
documentation, "Broker Configs" and "Topic Configs".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ingest.cli import schemas, topics
from ingest.cli.brokers import every_broker, replicas
from ingest.cli.cluster import Cluster
from ingest.cli.deployment import reading
from ingest.cli.looked import Looked, Verdict, judged, unless
from ingest.cli.migrate import require_migrated
from ingest.database import schema_ids
from ingest.errors import ConfigurationRefused, MigrationsMissing, RegistryAway
from ingest.kafka_admin import KafkaAdmin
from ingest.schema_registry import fingerprints
from ingest.settings import Settings
from producers.topics import MAX_RECORD_BYTES
from schemas.registry import COMPATIBILITY, SubjectState

_DAY_MS = 24 * 3600 * 1000


def configuration(given: Settings) -> Iterator[Looked]:
    """What a worker needs beside the addresses."""
    try:
        given.hash_key()
    except ConfigurationRefused as refused:
        yield Looked(
            "configuration",
            "contact hash key",
            Verdict.UNSAFE,
            refused.problems[0],
            "guests are recognised by keyed hashes of their contacts",
            "make one (openssl rand -base64 48), keep it for good, and give it to every worker",
        )
    else:
        yield Looked("configuration", "contact hash key", Verdict.OK, f"set, named {given.contact_hash_key_id}")


def database(given: Settings) -> Iterator[Looked]:
    """Whether PostgreSQL keeps what it confirmed, and has our tables."""
    with reading(given) as connection:
        found = {
            name: str(connection.execute("SELECT current_setting(%s)", (name,)).fetchone()[0])  # type: ignore[index]  # one row, always
            for name in ("server_version", "fsync", "full_page_writes", "synchronous_commit")
        }
        (standby,) = connection.execute("SELECT pg_is_in_recovery()").fetchone() or (False,)
    area = "PostgreSQL"
    yield Looked(area, given.database_address, Verdict.OK, f"answers, version {found['server_version'].split()[0]}")
    for name, why in (
        ("fsync", "a crash of its machine may lose or tear transactions that it confirmed"),
        ("full_page_writes", "a crash of its machine may leave half-written pages that nothing repairs"),
        ("synchronous_commit", "a crash may lose confirmed transactions whose output Kafka already has"),
    ):
        remedy = f"set {name} = on for the server, this database and this role"
        yield judged(area, name, found[name], unless(found[name] != "off"), why, remedy)
    if standby:
        yield Looked(
            area, "role", Verdict.UNSAFE, "a standby",
            "it takes no writes", "let DATABASE_URL name the primary (target_session_attrs=read-write)",
        )  # fmt: skip
    try:
        require_migrated(given)
    except MigrationsMissing as missing:
        yield Looked(
            area,
            "tables",
            Verdict.UNSAFE,
            missing.known,
            "this version writes other tables",
            "ordergate migrate",
        )
    else:
        yield Looked(area, "tables", Verdict.OK, "those of this version")


def kafka(given: Settings) -> Iterator[Looked]:
    """The brokers, then the topics."""
    with Cluster(given.kafka_bootstrap_servers, given.group_id) as cluster:
        brokers = cluster.broker_count()
    with KafkaAdmin(given.kafka_bootstrap_servers) as admin:
        yield from every_broker(given, admin, brokers)
        yield from every_topic(given, admin, brokers)


def every_topic(given: Settings, admin: KafkaAdmin, brokers: int) -> Iterator[Looked]:
    """Whether every topic exists and is kept as its readers are promised."""
    known = topics.catalogue(given)
    existing = admin.existing([topic.name for topic in known])
    for topic in known:
        state = existing.get(topic.name)
        if state is None:
            yield Looked(
                "topic", topic.name, Verdict.UNSAFE, "missing",
                "it is never created on the way, where it would get the broker's defaults",
                "ordergate topics create",
            )  # fmt: skip
            continue
        found = admin.topic_settings(topic.name)
        copies = replicas(
            "topic", topic.name, str(state.replication), found["min.insync.replicas"], brokers, "its records"
        )
        # That there is but one broker was said of the cluster already.
        looked = [*kept(topic, found), *([copies] if copies.verdict is not Verdict.OK and brokers > 1 else [])]
        if state.lagging:
            looked.append(
                Looked(
                    "topic", topic.name, Verdict.WARN,
                    f"{state.lagging} of {state.partitions} partitions are not in sync on all replicas",
                    "a broker is away, or slow: with another one lost, nothing can be written there",
                    "start it, or wait until it has caught up",
                )
            )  # fmt: skip
        fine = Looked("topic", topic.name, Verdict.OK, f"{state.partitions} partitions, {found['cleanup.policy']}")
        yield from looked or [fine]


def kept(topic: topics.KnownTopic, found: Mapping[str, str]) -> Iterator[Looked]:
    """What of a topic's settings breaks a promise to its readers, or to us."""
    policy, wanted = found["cleanup.policy"], topic.config["cleanup.policy"]
    alter = f"kafka-configs.sh --alter --entity-type topics --entity-name {topic.name} --add-config"
    if policy != wanted:
        lost = "what readers still need expires" if wanted == "compact" else "all but the newest of a key goes"
        yield Looked(
            "topic", topic.name, Verdict.UNSAFE, f"cleanup.policy={policy}",
            lost, f"{alter} cleanup.policy={wanted}",
        )  # fmt: skip
    if int(found["max.message.bytes"]) < MAX_RECORD_BYTES:
        yield Looked(
            "topic", topic.name, Verdict.UNSAFE, f"max.message.bytes={found['max.message.bytes']}",
            "a large event could be read and its output not be written: its partition would stand still",
            f"{alter} max.message.bytes={MAX_RECORD_BYTES}",
        )  # fmt: skip
    if found.get("unclean.leader.election.enable") == "true":
        yield Looked(
            "topic", topic.name, Verdict.UNSAFE, "unclean.leader.election.enable=true",
            "a broker that lacks confirmed records may become their leader: they are gone",
            f"{alter} unclean.leader.election.enable=false",
        )  # fmt: skip
    if topic.direction == "raw" and "delete" in policy and 0 <= int(found["retention.ms"]) < _DAY_MS:
        yield Looked(
            "topic", topic.name, Verdict.WARN, f"retention.ms={found['retention.ms']}",
            "events not read for so long are gone", f"{alter} retention.ms={topic.config['retention.ms']}",
        )  # fmt: skip


def every_schema(given: Settings) -> Iterator[Looked]:
    """Whether every record's schema is registered, and evolves under our rule."""
    try:
        reports = schemas.ask(given)
    except RegistryAway as away:
        yield _registry_away(given, away)
        return
    for report in reports:
        if report.state is not SubjectState.REGISTERED:
            refused = report.state is SubjectState.INCOMPATIBLE
            yield Looked(
                "schema", report.record, Verdict.UNSAFE, report.state.value,
                "earlier readers would break" if refused else "nothing is written without a schema's id",
                "add only optional fields with a default" if refused else "ordergate schemas register",
            )  # fmt: skip
        elif report.compatibility != COMPATIBILITY:
            yield Looked(
                "schema", report.record, Verdict.WARN,
                f"compatibility {report.compatibility or 'of the registry'}",
                f"another version than ours could break readers; expected {COMPATIBILITY}",
                "ordergate schemas register",
            )  # fmt: skip
    good = [r for r in reports if r.state is SubjectState.REGISTERED and r.compatibility == COMPATIBILITY]
    yield Looked(
        "schema", given.schema_registry_address, Verdict.OK,
        f"{len(good)} of {len(reports)} are registered, {COMPATIBILITY}",
    )  # fmt: skip


BEFORE_A_START: Final[tuple[Callable[[Settings], Iterator[Looked]], ...]] = (configuration, database, kafka)
"""What a worker looks at before it starts; it asks for the schemas' ids by itself."""

SECTIONS: Final = (*BEFORE_A_START, every_schema)
"""Everything that is looked at, in turn. Each may raise DatabaseAway or BrokerAway."""


def _registry_away(given: Settings, away: RegistryAway) -> Looked:
    wanted = fingerprints()
    with reading(given) as connection:
        remembered = schema_ids.remembered(connection, wanted)
    if set(remembered) == set(wanted):
        return Looked(
            "schema", given.schema_registry_address, Verdict.WARN, away.known,
            "workers go on with the ids that the database remembers; no schema can be registered",
            "start the registry",
        )  # fmt: skip
    return Looked(
        "schema", given.schema_registry_address, Verdict.UNSAFE, away.known,
        "nothing is written without a schema's id, and the database remembers none",
        "start the registry or correct SCHEMA_REGISTRY_URL",
    )  # fmt: skip
