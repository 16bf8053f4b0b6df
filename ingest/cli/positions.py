"""`ordergate positions`: where every raw partition stands, and whether database and Kafka agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from rich.markup import escape

from consumers.catalogue import chosen
from consumers.kafka_source import Committed
from ingest.cli.cluster import Cluster
from ingest.cli.deployment import reading, settings
from ingest.cli.terminal import console, emit, table
from ingest.database import output_ends
from ingest.database.connection import Connection
from ingest.database.journal import JournalRow
from ingest.database.output_ends import OutputEnd
from ingest.database.positions import Fence
from ingest.epoch_ends import epoch_ends
from ingest.errors import PartitionHalted
from ingest.kafka_admin import KafkaAdmin, TopicState
from ingest.worker import new_database
from ingest.worker.receipt import LogBounds, check, check_rows, published_sequence
from producers.topics import OUTPUT_TOPICS

HALTED = 1

_ROWS = """
SELECT topic, partition, epoch, next_offset, sequence, topic_id, owner, released, published_sequence, leader_epoch
FROM positions WHERE topic = ANY(%s)
"""
_NOTED = "SELECT topic, partition, published_sequence FROM positions WHERE topic = ANY(%s)"
_JOURNAL = """
SELECT topic, partition, sequence, base_offset, next_offset, record_count, ''::bytea FROM journal
WHERE topic = %s AND partition = %s AND sequence > %s ORDER BY sequence
"""


class Known(NamedTuple):
    """A position's row, and the journal rows after Kafka's receipt (without their bytes)."""

    fence: Fence
    unpublished: list[JournalRow]


@dataclass(frozen=True, slots=True)
class Standing:
    """One raw partition; None is what nobody has told yet."""

    topic: str
    partition: int
    bounds: LogBounds
    committed: Committed
    known: Known | None
    verdict: str
    halt: PartitionHalted | None

    @property
    def receipt(self) -> int | None:
        """The newest journal row that Kafka says is published."""
        return published_sequence(self.committed) if self.committed.offset is not None else None

    @property
    def lag(self) -> int:
        """Raw events in the log that are not decided."""
        start = self.known.fence.next_offset if self.known else self.bounds.low
        return max(self.bounds.high - start, 0)


def show() -> int:
    """Tell people; gives the exit code."""
    standings = look()
    numbers = ("decided", "published", "log end", "lag", "row", "receipt", "waiting")
    shown = table("partition", *numbers, "owner", "verdict", right=numbers)
    for one in standings:
        known, committed = one.known, one.committed.offset
        row = ("", "", "", "not owned yet")
        if known is not None:
            left = " (left)" if known.fence.released else ""
            row = (
                f"{known.fence.next_offset:,}", f"{known.fence.sequence:,}", f"{len(known.unpublished):,}",
                f"{known.fence.previous_owner or ''}{left}",
            )  # fmt: skip
        style = "bad" if one.halt else "good" if one.verdict == "in step" else "doubtful"
        shown.add_row(
            f"{one.topic}/{one.partition}",
            row[0],
            "" if committed is None else f"{committed:,}",
            f"{one.bounds.high:,}",
            f"{one.lag:,}",
            row[1],
            "" if one.receipt is None else f"{one.receipt:,}",
            row[2],
            row[3],
            f"[{style}]{escape(one.verdict)}[/]",
        )
    out = console()
    out.print(shown)
    halts = [one.halt for one in standings if one.halt]
    for halt in halts:
        out.print(f"\n{halt}", markup=False, soft_wrap=True)
    out.print(
        "\ndecided, published: raw offsets below this; row, receipt: newest journal row in the database and "
        "in Kafka;\nwaiting: journal rows not published yet",
        style="quiet",
    )
    return HALTED if halts else 0


def show_json() -> int:
    """One line of JSON a partition; gives the exit code."""
    standings = look()
    for one in standings:
        emit(_plain(one))
    return HALTED if any(one.halt for one in standings) else 0


def look() -> list[Standing]:
    """Every partition of the raw topics. Raises an OrdergateError when one of the sides cannot tell."""
    given = settings()
    names = [channel.topic for channel in chosen(given.channels)]
    with KafkaAdmin(given.kafka_bootstrap_servers) as admin:
        admin.require(names)
        topics = admin.existing(names)
        ends = admin.ends([topic.name for topic in OUTPUT_TOPICS])
    keys = [(topic.name, number) for topic in topics.values() for number in range(topic.partitions)]
    with Cluster(given.kafka_bootstrap_servers, given.group_id) as cluster:
        # In this order what moves on meanwhile shows as not published yet: what was noted as published before is
        # in Kafka, and what is in Kafka is decided.
        with reading(given) as connection:
            noted = {(topic, number): published for topic, number, published in connection.execute(_NOTED, (names,))}
        committed = cluster.committed(keys)
        with reading(given) as connection:
            known = _known(connection, names, committed, noted)
            unknown = new_database.unknown_outputs(connection, output_ends.read(connection), ends)
        bounds = cluster.bounds(keys)
    epochs = {key: one.fence.leader_epoch for key, one in known.items() if one.fence.leader_epoch is not None}
    for key, end in epoch_ends(given.kafka_bootstrap_servers, epochs).items():
        bounds[key] = replace(bounds[key], epoch_end=end)
    found = [
        standing(topics[key[0]], key, bounds[key], committed.get(key, Committed(None, None)), known.get(key))
        for key in sorted(keys)
    ]
    return [_stopped(one, given.database_address, unknown) if unknown and not one.receipt else one for one in found]


def _stopped(one: Standing, database: str, unknown: Iterable[OutputEnd]) -> Standing:
    """A partition that no worker starts on a database that knows nothing."""
    halt = new_database.halt((one.topic, one.partition), database, unknown)
    return replace(one, verdict=f"halted: {halt.cause}", halt=halt)


def _known(
    connection: Connection,
    names: list[str],
    committed: Mapping[tuple[str, int], Committed],
    noted: Mapping[tuple[str, int], int],
) -> dict[tuple[str, int], Known]:
    found = {}
    for topic, partition, *columns in connection.execute(_ROWS, (names,)).fetchall():
        key = (topic, partition)
        fence = replace(Fence(*columns), published_sequence=noted.get(key, 0))
        receipt = published_sequence(committed[key]) if key in committed else None
        rows = connection.execute(_JOURNAL, (*key, fence.published_sequence if receipt is None else receipt))
        found[key] = Known(fence, [JournalRow(*row) for row in rows])
    return found


def standing(
    topic: TopicState, key: tuple[str, int], bounds: LogBounds, committed: Committed, known: Known | None
) -> Standing:
    """The verdict on one partition, by the worker's own comparison of database and Kafka."""
    verdict, halt = "not read yet", None
    if known is not None:
        try:
            verdict = _verdict(topic, key, bounds, committed, known)
        except PartitionHalted as halted:
            verdict, halt = f"halted: {halted.cause}", halted
    return Standing(*key, bounds, committed, known, verdict, halt)


def _verdict(topic: TopicState, key: tuple[str, int], bounds: LogBounds, committed: Committed, known: Known) -> str:
    """Raises PartitionHalted, as the worker does, when database and Kafka cannot both be right."""
    fence = known.fence
    if committed.offset is None and fence.sequence == 0 and fence.topic_id == topic.topic_id:
        return "fenced, nothing decided"
    published = check(*key, fence, topic.topic_id, committed, bounds)
    check_rows(*key, fence, committed, known.unpublished)
    if published == fence.sequence:
        return "in step"
    rows = fence.sequence - published
    who = "the next owner" if fence.released else "its owner"
    counted, them = ("1 journal row", "it") if rows == 1 else (f"{rows} journal rows", "them")
    return f"Kafka is {counted} behind: {who} publishes {them}"


def _plain(one: Standing) -> dict[str, Any]:
    known = one.known
    return {
        "topic": one.topic,
        "partition": one.partition,
        "next_offset": known.fence.next_offset if known else None,
        "sequence": known.fence.sequence if known else None,
        "published_sequence": known.fence.published_sequence if known else None,
        "committed_offset": one.committed.offset,
        "receipt_sequence": one.receipt,
        "log_start": one.bounds.low,
        "log_end": one.bounds.high,
        "lag": one.lag,
        "unpublished_rows": len(known.unpublished) if known else None,
        "epoch": known.fence.epoch if known else None,
        "owner": known.fence.previous_owner if known else None,
        "released": known.fence.released if known else None,
        "verdict": one.verdict,
        "halted": {"cause": one.halt.cause, "known": one.halt.known, "safe": one.halt.safe, "do": one.halt.do}
        if one.halt
        else None,
    }
