"""What stops Ordergate, one class per action an operator takes: what happened, what is safe, what to do next.

Every message may be logged and shown: constructors take addresses without credentials,
never a personal value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

_INDENT = "\n           "


class OrdergateError(Exception):
    """Something only a person can put right. `str()` is the whole explanation, in four parts."""

    def __init__(self, what: str, *, known: str, safe: str, do: str) -> None:
        super().__init__(what)
        self.what = what
        self.known = known
        self.safe = safe
        self.do = do

    def __str__(self) -> str:
        parts = (("known", self.known), ("safe", self.safe), ("do", self.do))
        lines = [f"  {name:<9}{text.replace(chr(10), _INDENT)}" for name, text in parts]
        return "\n".join([f"ordergate: {self.what}.", *lines])


class ConfigurationRefused(OrdergateError):
    """Correct a setting: it is missing, unreadable, or would break a promise."""

    def __init__(self, problems: Sequence[str]) -> None:
        """`problems`: one line each, naming the setting, what is wrong and what is expected."""
        counted = "a setting is wrong" if len(problems) == 1 else f"{len(problems)} settings are wrong"
        super().__init__(
            f"the configuration is refused: {counted}",
            known="\n".join(problems),
            safe="nothing was started: no topic, offset or table was touched",
            do="correct what is named above, then start again",
        )
        self.problems = tuple(problems)


class Cause(StrEnum):
    """Why a partition stopped: which certainty is lost. `ordergate recover` has an answer to each."""

    TOPIC_REMADE = "the topic was deleted and made again"
    OUTSIDE_LOG = "the position is outside the log"
    END_REPLACED = "the log lost its end and has grown again"
    OFFSET_GONE = "the group's committed offset is gone"
    OFFSET_MOVED = "somebody else has moved the group's offset"
    OFFSET_UNSTABLE = "its committed offset does not become stable"
    DATABASE_BEHIND = "PostgreSQL is behind Kafka"
    DATABASE_NEW = "the database is new and the output topics are not"
    READERS_WAIT = "readers of an output partition wait for a transaction that never ends"
    OUTPUT_LOST = "an output topic lost records"
    JOURNAL_GAP = "the journal has a gap"


class PartitionHalted(OrdergateError):
    """Repair one partition: certainty about its position is lost. All other partitions go on."""

    def __init__(
        self, topic: str, partition: int, cause: Cause, *, known: str, safe: str, first: str | None = None
    ) -> None:
        """`first`: what to do before any repair, where most often no repair is needed."""
        repair = (
            f"run `ordergate recover {topic}/{partition}`: it shows what can be repaired and how, and changes nothing "
            "without --apply"
        )
        super().__init__(
            f"partition {topic}/{partition} stopped: {cause}",
            known=known,
            safe=safe,
            do=f"{first}; else {repair}" if first else repair,
        )
        self.topic = topic
        self.partition = partition
        self.cause = cause


class DatabaseAway(OrdergateError):
    """Bring PostgreSQL back, or correct DATABASE_URL."""

    def __init__(self, address: str, detail: str) -> None:
        """`address`: `host:port/database` without credentials; `detail`: the driver's words."""
        super().__init__(
            f"PostgreSQL at {address} cannot be reached",
            known=detail,
            safe="nothing is published before it is in the database; events wait in Kafka",
            do="start PostgreSQL or correct DATABASE_URL, then start again",
        )


class PermissionMissing(OrdergateError):
    """Grant the database role what it lacks, or use another one."""

    def __init__(self, address: str, detail: str) -> None:
        """`address`: `host:port/database` without credentials; `detail`: PostgreSQL's words, which name the table."""
        super().__init__(
            f"the role of DATABASE_URL may not do this at {address}",
            known=detail,
            safe="nothing was changed",
            do="grant it (SELECT on all tables is enough for reports), or use the role that owns the tables",
        )


class DatabaseRefuses(OrdergateError):
    """Repair the database: it refuses what any event writes, so quarantining events would be wrong."""

    def __init__(self, address: str, reason: str) -> None:
        """`address`: `host:port/database`; `reason`: the class of the refusal with table and column."""
        super().__init__(
            f"PostgreSQL at {address} refuses one event after the other",
            known=f"the last one for {reason}: a table that was changed by hand, or a fault of this version",
            safe="nothing was published that is not in the database; the events wait in Kafka",
            do="compare the tables with `ordergate check`, repair what differs, then start again",
        )


class BrokerAway(OrdergateError):
    """Bring Kafka back, or correct KAFKA_BOOTSTRAP_SERVERS."""

    ASKING = "it was only asked: asking changes nothing, in Kafka or in the database"

    def __init__(self, servers: str, detail: str, safe: str = ASKING) -> None:
        """`servers`: `host:port,…`; `detail`: the client's words; `safe`: for what does more than ask."""
        super().__init__(
            f"Kafka at {servers} cannot be reached",
            known=detail,
            safe=safe,
            do="start the brokers or correct KAFKA_BOOTSTRAP_SERVERS, then start again",
        )


class SchemasUnresolved(OrdergateError):
    """Register what the schema registry misses: no output is written without its ids."""

    def __init__(self, address: str, subjects: Iterable[str], detail: str) -> None:
        """`address`: the registry without credentials; `subjects`: those without an id."""
        super().__init__(
            f"the schema registry at {address} gave no id for {_listed(subjects)}",
            known=detail,
            safe="nothing was read and nothing was published",
            do="run `ordergate schemas register`, or correct SCHEMA_REGISTRY_URL, then start again",
        )


class RegistryAway(OrdergateError):
    """Bring the schema registry back, or correct SCHEMA_REGISTRY_URL."""

    def __init__(self, address: str, detail: str) -> None:
        """`address`: the registry without credentials; `detail`: why it does not serve."""
        super().__init__(
            f"the schema registry at {address} cannot be reached",
            known=detail,
            safe="an id never changes: workers go on with those they know, or that the database remembers",
            do="start the registry or correct SCHEMA_REGISTRY_URL, then do the same again",
        )


class TopicsMissing(OrdergateError):
    """Create topics: they are never created on the way, where they would get the broker's defaults."""

    def __init__(self, topics: Iterable[str]) -> None:
        names = _listed(topics)
        super().__init__(
            f"topics are missing: {names}",
            known="partitions, clean-up and retention of a topic are promises to its readers",
            safe="nothing was read and nothing was published",
            do="run `ordergate topics create`, then start again",
        )


class MigrationsMissing(OrdergateError):
    """Migrate the database: its tables are not those this version writes."""

    def __init__(self, found: str | None, expected: str) -> None:
        """`found`: the database's revision, None for an empty database; `expected`: this version's."""
        super().__init__(
            "the database's tables are not those of this version",
            known=f"the database is at {found or 'no revision'}, this version needs {expected}",
            safe="nothing was read and nothing was written",
            do="run `ordergate migrate` (or start the version that fits the database)",
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


class ConsumerFailed(OrdergateError):
    """Look at the consumer group: this member's client has given up for good."""

    def __init__(self, code: str, detail: str) -> None:
        """`code`: Kafka's name of the error; `detail`: the client's words."""
        super().__init__(
            f"the Kafka consumer failed with {code}",
            known=detail,
            safe="what was decided is in the database; the next start publishes what Kafka lacks",
            do="see that no other process uses this worker's slot and group, then start again",
        )
