"""Asking Kafka ends in an answer or in a reason, never in noise or in the end of the process."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import TopicPartition

from ingest import kafka_admin
from ingest.cli import cluster
from ingest.errors import BrokerAway
from ingest.kafka_admin import KafkaAdmin, TopicState

NOWHERE = "127.0.0.1:1"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(kafka_admin, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(cluster, "TIMEOUT_S", 0.3)


@pytest.mark.parametrize(
    "ask",
    [
        lambda admin: admin.existing(["a", "b"]),
        lambda admin: admin.require(["a"]),
        lambda admin: admin.topic_id("a"),
        lambda admin: admin.topic_settings("a"),
        lambda admin: admin.broker_settings(),
        lambda admin: admin.create([], 1, 1),
    ],
)
def test_brokers_that_are_away_are_told_with_the_reason(ask, capfd):
    """An operator reads why there was no connection, in our words only, and that asking did no harm."""
    with KafkaAdmin(NOWHERE) as admin, pytest.raises(BrokerAway) as away:
        ask(admin)
    assert "Connection refused" in away.value.known and "state CONNECT" not in away.value.known
    assert "asking changes nothing" in away.value.safe
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "ask",
    [
        lambda one: one.broker_count(),
        lambda one: one.committed([("a", 0)]),
        lambda one: one.bounds([("a", 0)]),
    ],
)
def test_a_report_without_brokers_is_told_the_same_way(ask, capfd):
    """The same for what only reports ask."""
    with cluster.Cluster(NOWHERE, "g") as one, pytest.raises(BrokerAway) as away:
        ask(one)
    assert "Connection refused" in away.value.known
    assert capfd.readouterr().err == ""


def test_a_cluster_that_names_no_broker_is_told_as_one_that_is_away(monkeypatch):
    """A lone broker that is just starting answers, and names nobody: a worker says so, and may be started again."""
    with KafkaAdmin(NOWHERE) as admin:
        monkeypatch.setattr(admin, "_client", SimpleNamespace(list_topics=lambda **_: SimpleNamespace(brokers={})))
        with pytest.raises(BrokerAway) as away:
            admin.broker_settings()
    assert "names no broker" in away.value.known


def test_a_leader_that_does_not_answer_in_time_is_no_log_without_records(monkeypatch):
    """A broker was killed: the client gives an invalid offset and no error, and nobody may take that for a loss."""
    key = TopicPartition("oms.orders.v1", 0)
    answer: Future[SimpleNamespace] = Future()
    answer.set_result(SimpleNamespace(offset=-1001))
    with KafkaAdmin(NOWHERE) as admin:
        monkeypatch.setattr(admin, "existing", lambda _names: {key.topic: TopicState(key.topic, "id", 1, 3)})
        monkeypatch.setattr(admin, "_client", SimpleNamespace(list_offsets=lambda *_, **__: {key: answer}))
        with pytest.raises(BrokerAway, match=r"no leader of oms\.orders\.v1/0 answers"):
            admin.ends([key.topic])


def test_a_leader_that_is_found_at_the_second_attempt_is_heard(monkeypatch):
    """Another broker leads now: what it says counts, and what others have said already is not asked again."""
    first, second = TopicPartition("oms.orders.v1", 0), TopicPartition("oms.orders.v1", 1)
    asked: list[set[TopicPartition]] = []

    def list_offsets(places, **_):
        asked.append(set(places))
        answers = {place: Future() for place in places}
        for place, answer in answers.items():
            answer.set_result(SimpleNamespace(offset=7 if place == first or len(asked) > 1 else -1001))
        return answers

    with KafkaAdmin(NOWHERE) as admin:
        monkeypatch.setattr(admin, "existing", lambda _names: {first.topic: TopicState(first.topic, "id", 2, 3)})
        monkeypatch.setattr(admin, "_client", SimpleNamespace(list_offsets=list_offsets))
        assert [(one.partition, one.end) for one in admin.ends([first.topic])] == [(0, 7), (1, 7)]
    assert asked == [{first, second}, {second}]


def test_an_admin_client_is_never_left_to_the_garbage_collector():
    """A collection in the client's own thread would take it down there, and end the process."""
    gc.disable()
    try:
        admin = KafkaAdmin(NOWHERE)
        client = weakref.ref(admin)
        del admin
        assert client() is None
    finally:
        gc.enable()


def test_a_closed_admin_refuses_questions():
    """What is closed is gone at once, whatever still refers to it."""
    with KafkaAdmin(NOWHERE) as admin:
        pass
    with pytest.raises(RuntimeError):
        admin.topic_settings("a")
