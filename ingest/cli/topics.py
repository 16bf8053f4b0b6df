"""`ordergate topics`: the raw topics that are read and the output topics that are written."""

from __future__ import annotations

from dataclasses import dataclass

from consumers.catalogue import chosen
from ingest.cli.deployment import settings
from ingest.cli.terminal import console, emit, say, table
from ingest.kafka_admin import RAW_CONFIG, KafkaAdmin, TopicState
from ingest.settings import Settings
from producers.topics import OUTPUT_TOPICS

MISSING = 1


@dataclass(frozen=True, slots=True)
class KnownTopic:
    """A topic of the catalogue, with the settings it is created with."""

    name: str
    direction: str
    purpose: str
    key: str
    config: dict[str, str]


def catalogue(given: Settings) -> list[KnownTopic]:
    """Every topic of these settings: the channels' raw ones, then the output."""
    raw = [
        KnownTopic(
            channel.topic,
            "raw",
            f"events of channel {channel.name}, as sent",
            "the channel's own",
            RAW_CONFIG,
        )
        for channel in chosen(given.channels)
    ]
    output = [KnownTopic(t.name, "output", t.purpose, t.key, t.config()) for t in OUTPUT_TOPICS]
    return raw + output


def show() -> int:
    """Tell people; gives the exit code."""
    known, existing = _both()
    shown = table("topic", "partitions", "replicas", "key", "what it holds", right=("partitions", "replicas"))
    for topic in known:
        state = existing.get(topic.name)
        counts = (str(state.partitions), str(state.replication)) if state else ("[bad]missing[/]", "")
        shown.add_row(topic.name, *counts, topic.key, topic.purpose)
    console().print(shown)
    missing = [topic.name for topic in known if topic.name not in existing]
    if missing:
        say(f"ordergate: {len(missing)} topics are missing; `ordergate topics create` creates them")
    return MISSING if missing else 0


def show_json() -> int:
    """One line of JSON a topic; gives the exit code."""
    known, existing = _both()
    for topic in known:
        state = existing.get(topic.name)
        emit(
            {
                "topic": topic.name,
                "direction": topic.direction,
                "purpose": topic.purpose,
                "key": topic.key,
                "exists": state is not None,
                "topic_id": state.topic_id if state else None,
                "partitions": state.partitions if state else None,
                "replication": state.replication if state else None,
                "config": topic.config,
            }
        )
    return 0 if all(topic.name in existing for topic in known) else MISSING


def create(partitions: int, replication: int | None) -> None:
    """Create what is missing."""
    created = prepare(settings(), partitions, replication)
    say(f"ordergate: created {', '.join(created)}" if created else "ordergate: every topic exists already")


def prepare(given: Settings, partitions: int, replication: int | None) -> list[str]:
    """Create what is missing, silently; gives the names created. Raises BrokerAway.

    `replication`: replicas of each partition; None: three, or one on each broker while fewer than three serve.
    """
    with KafkaAdmin(given.kafka_bootstrap_servers) as admin:
        replicas = admin.replication() if replication is None else replication
        return admin.create(chosen(given.channels), partitions, replicas)


def _both() -> tuple[list[KnownTopic], dict[str, TopicState]]:
    given = settings()
    known = catalogue(given)
    with KafkaAdmin(given.kafka_bootstrap_servers) as admin:
        return known, admin.existing([topic.name for topic in known])
