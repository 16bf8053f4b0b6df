"""The output topics are read as far back as they reach, and a quiet log is not taken for one that was cut."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from ingest.errors import TopicsMissing
from ingest.repair.outputs import Isolation, OutputLog, OutputsTooShort, kept_since_ms
from producers.topics import FINDINGS, OUTPUT_TOPICS

INSTANT_S = 1_000_000.0
WANTED = {(FINDINGS.name, b"f")}


class QuietTopics:
    """A consumer of output topics of one partition each, which have nothing to read since the instant."""

    def __init__(self, low: int, high: int, first_since: int) -> None:
        self._bounds, self._first_since = (low, high), first_since

    def list_topics(self, timeout: float) -> SimpleNamespace:
        topics = {topic.name: SimpleNamespace(partitions={0: None}) for topic in OUTPUT_TOPICS}
        return SimpleNamespace(topics=topics)

    def offsets_for_times(self, asked: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [TopicPartition(one.topic, one.partition, self._first_since) for one in asked]

    def get_watermark_offsets(self, _partition: TopicPartition, timeout: float) -> tuple[int, int]:
        return self._bounds

    def assign(self, starts: list[TopicPartition]) -> None:
        """Nothing comes: the ends are where it begins."""


def log(consumer: Any, kept_since: int | None) -> OutputLog:
    """Outputs read by this consumer, to where it begins; `kept_since` in milliseconds."""

    @contextmanager
    def consume(_self: OutputLog):
        yield consumer

    made = type("Log", (OutputLog,), {"_consumer": consume})
    return made("unused", "group", Isolation.COMMITTED, lambda keys: dict.fromkeys(keys, 0), lambda _topic: kept_since)


QUIET = QuietTopics(7, 7, -1)
"""Retention emptied it."""
YOUNG = QuietTopics(7, 9, 7)
"""Its first record is younger than the instant."""
LONGER = int((INSTANT_S - 3600) * 1000)
SHORTER = int((INSTANT_S - 60) * 1000)
"""Since a minute before the instant: the clocks may differ by more."""


@pytest.mark.parametrize("consumer", [QUIET, YOUNG])
def test_a_quiet_log_reaches_back_for_as_long_as_its_topic_keeps_records(consumer):
    """A findings partition without findings for a month does not keep the whole group from being repaired."""
    assert log(consumer, LONGER).places(INSTANT_S, WANTED) == []
    assert list(log(consumer, LONGER).published_since(INSTANT_S)) == []


@pytest.mark.parametrize("consumer", [QUIET, YOUNG])
@pytest.mark.parametrize("kept_since", [SHORTER, None])
def test_what_retention_may_have_removed_is_not_taken_for_absent(consumer, kept_since):
    """Where the settings do not prove it, nothing is taken for complete that begins behind a removed record."""
    assert log(consumer, kept_since).places(INSTANT_S, WANTED) is None
    with pytest.raises(OutputsTooShort):
        list(log(consumer, kept_since).published_since(INSTANT_S))


def test_an_output_topic_that_is_gone_is_named():
    """The operator creates it again, and sees no fault of the program."""
    none = QuietTopics(0, 0, -1)
    none.list_topics = lambda timeout: SimpleNamespace(topics={})  # type: ignore[method-assign]  # for this one
    with pytest.raises(TopicsMissing, match=FINDINGS.name):
        log(none, None).places(INSTANT_S, WANTED)


BY_TIME: Mapping[str, str] = {"cleanup.policy": "delete", "retention.bytes": "-1", "retention.ms": "1000"}


@pytest.mark.parametrize(
    ("changed", "since"),
    [
        ({}, 4000),
        ({"cleanup.policy": "compact"}, None),
        ({"cleanup.policy": "compact,delete"}, None),
        ({"retention.bytes": "1048576"}, None),
        ({"retention.ms": "-1"}, None),
    ],
)
def test_only_time_alone_tells_since_when_everything_is_kept(changed, since):
    """A log that is bounded in bytes, or compacted, may have lost anything."""
    assert kept_since_ms({**BY_TIME, **changed}, 5000) == since
    assert kept_since_ms({}, 5000) is None
