"""A worker is not started on brokers or topics that lose what they confirmed."""

from __future__ import annotations

import pytest

from ingest.cli.brokers import broker
from ingest.cli.looked import Verdict
from ingest.cli.surroundings import kept
from ingest.cli.topics import catalogue
from ingest.settings import Settings

SAFE = {
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "offsets.topic.replication.factor": "3",
    "min.insync.replicas": "2",
    "unclean.leader.election.enable": "false",
    "offsets.retention.minutes": "10080",
    "transaction.max.timeout.ms": "900000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "10000",
    "group.coordinator.rebalance.protocols": "classic,consumer,streams",
    "message.max.bytes": "12582912",
}
SETTINGS = Settings(
    kafka_bootstrap_servers="127.0.0.1:1",
    database_url="postgresql://127.0.0.1:1/x",
    schema_registry_url="http://x",
)


def unsafe(found: dict[str, str], brokers: int = 3) -> list[str]:
    return [one.subject for one in broker(SETTINGS, found, brokers) if one.verdict is Verdict.UNSAFE]


def test_kafkas_own_defaults_on_three_brokers_are_safe() -> None:
    """A cluster set up as Kafka's documentation says starts without a word."""
    assert {one.verdict for one in broker(SETTINGS, SAFE, 3)} == {Verdict.OK}


@pytest.mark.parametrize(
    ("setting", "value", "subject"),
    [
        ("transaction.state.log.replication.factor", "1", "transaction.state.log"),
        ("transaction.state.log.min.isr", "1", "transaction.state.log"),
        ("offsets.topic.replication.factor", "1", "offsets.topic"),
        ("min.insync.replicas", "1", "offsets.topic"),
        ("unclean.leader.election.enable", "true", "unclean.leader.election.enable"),
        ("offsets.retention.minutes", "60", "offsets.retention.minutes"),
        ("transaction.max.timeout.ms", "5000", "transaction.max.timeout.ms"),
        (
            "transaction.abort.timed.out.transaction.cleanup.interval.ms",
            "60000",
            "transaction.abort…cleanup.interval.ms",
        ),
        ("group.coordinator.rebalance.protocols", "classic", "group protocol"),
    ],
)  # fmt: skip
def test_each_setting_that_breaks_a_promise_is_unsafe_with_reason_and_remedy(
    setting: str, value: str, subject: str
) -> None:
    """What would lose or repeat an order is refused before it can."""
    assert unsafe({**SAFE, setting: value}) == [subject]
    (told,) = [one for one in broker(SETTINGS, {**SAFE, setting: value}, 3) if one.verdict is Verdict.UNSAFE]
    assert told.why and told.do


def test_one_broker_is_a_warning_not_a_refusal() -> None:
    """A developer's machine can run it, and is told what it lacks."""
    found = {**SAFE, "transaction.state.log.replication.factor": "1", "offsets.topic.replication.factor": "1"}
    assert unsafe(found, brokers=1) == []
    warned = [one.subject for one in broker(SETTINGS, found, 1) if one.verdict is Verdict.WARN]
    assert warned == ["transaction.state.log", "offsets.topic"]


@pytest.mark.parametrize(("replicas", "in_sync"), [("2", "2"), ("3", "3")])
def test_copies_that_all_have_to_confirm_are_a_warning(replicas: str, in_sync: str) -> None:
    """Nothing is lost with one broker, but everything waits for it: whoever runs it should know before."""
    found = {**SAFE, "transaction.state.log.replication.factor": replicas, "transaction.state.log.min.isr": in_sync}
    (told,) = [one for one in broker(SETTINGS, found, 3) if one.verdict is not Verdict.OK]
    assert (told.subject, told.verdict) == ("transaction.state.log", Verdict.WARN)


@pytest.mark.parametrize(
    ("topic", "changed", "verdict"),
    [
        ("oms.orders.v1", {"cleanup.policy": "delete"}, Verdict.UNSAFE),
        ("oms.quarantine.v1", {"cleanup.policy": "compact"}, Verdict.UNSAFE),
        ("oms.quarantine.v1", {"max.message.bytes": "1048588"}, Verdict.UNSAFE),
        ("raw.web.orders.v1", {"cleanup.policy": "compact"}, Verdict.UNSAFE),
        ("oms.orders.v1", {"unclean.leader.election.enable": "true"}, Verdict.UNSAFE),
        ("raw.web.orders.v1", {"retention.ms": "3600000"}, Verdict.WARN),
    ],
)
def test_a_topic_kept_otherwise_than_promised_is_told(topic: str, changed: dict[str, str], verdict: Verdict) -> None:
    """Readers get the history they were promised, or somebody hears of it."""
    (known,) = [one for one in catalogue(SETTINGS) if one.name == topic]
    assert list(kept(known, {"retention.ms": "-1", **known.config})) == []
    (told,) = kept(known, {"retention.ms": "-1", **known.config, **changed})
    assert told.verdict is verdict
    assert next(iter(changed)) in told.found + told.do
