"""A source whose client is replaced starts from nothing: all is lost, and the old client has no say any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from threading import Event
from typing import Any

import pytest
from confluent_kafka import KafkaException, TopicPartition

from consumers import kafka_consumer
from consumers.kafka_source import KafkaSource, PartitionKey

TOPIC = "raw.web.orders.v1"


def keys(*numbers: int) -> list[PartitionKey]:
    return [(TOPIC, number) for number in numbers]


class Message:
    """A record of a partition."""

    def __init__(self, partition: int) -> None:
        self._partition = partition

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return TOPIC

    def partition(self) -> int:
        return self._partition

    def value(self) -> bytes:
        return b"{}"


class Client:
    """A consumer that gives what the test tells it to give."""

    def __init__(self) -> None:
        self.topics: list[str] = []
        self.callbacks: dict[str, Callable[..., None]] = {}
        self.messages: list[Message] = []
        self.has: set[int] = set()
        self.questions = 0
        self.at_close: Callable[[], None] = lambda: None
        self.closed = Event()

    def subscribe(self, topics: list[str], **callbacks: Callable[..., None]) -> None:
        self.topics, self.callbacks = topics, callbacks

    def calls(self, callback: str, *numbers: int) -> None:
        self.callbacks[callback](self, [TopicPartition(*key) for key in keys(*numbers)])

    def poll(self, _timeout: float) -> Message | None:
        return self.messages.pop(0) if self.messages else None

    def consume(self, number: int, _timeout: float) -> list[Message]:
        taken, self.messages = self.messages[:number], self.messages[number:]
        return taken

    def consumer_group_metadata(self) -> object:
        return self

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self.has |= {one.partition for one in partitions}

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        self.has -= {one.partition for one in partitions}

    def pause(self, _partitions: list[TopicPartition]) -> None: ...

    def resume(self, partitions: list[TopicPartition]) -> None:
        assert {one.partition for one in partitions} <= self.has, "not its own"

    def list_topics(self, _topic: str, timeout: float) -> None:
        assert timeout > 0
        self.questions += 1

    def close(self) -> None:
        self.at_close()
        self.closed.set()


class World:
    """A source, its clients one after the other, and what its listener was told."""

    def __init__(self) -> None:
        self.clients: list[Client] = []
        self.told: list[tuple[str, list[PartitionKey]]] = []
        self.source = KafkaSource(self.connect, [TOPIC], self, lambda _: nullcontext())

    def connect(self) -> Any:
        self.clients.append(Client())
        return self.clients[-1]

    def assigned(self, partitions: Sequence[PartitionKey]) -> None:
        self.told.append(("assigned", list(partitions)))

    def revoked(self, partitions: Sequence[PartitionKey]) -> None:
        self.told.append(("revoked", list(partitions)))

    def lost(self, partitions: Sequence[PartitionKey]) -> None:
        self.told.append(("lost", list(partitions)))

    def given(self) -> list[int]:
        """Partitions of the messages of one read."""
        return [message.partition() for message in self.source.read(10, 0.0).messages]  # type: ignore[misc]  # known


@pytest.fixture
def world() -> World:
    made = World()
    made.clients[0].calls("on_assign", 0, 1, 2)
    made.clients[0].calls("on_revoke", 1)
    made.told.clear()
    return made


def test_brokers_that_gave_messages_are_not_asked(world):
    """Whether the client still finds them costs a busy worker nothing, and is asked once it gives nothing more."""
    client = world.clients[0]
    client.messages = [Message(0)]
    world.given()
    world.source.ask()
    assert client.questions == 0
    world.given()
    world.source.ask()
    assert client.questions == 1


def test_all_that_is_owned_is_lost(world):
    """Whoever has the partitions by now, this worker may write nothing for them: they are lost, not revoked."""
    world.source.connect_anew()
    assert world.told == [("lost", keys(0, 2))]


def test_another_client_subscribes_and_the_old_one_is_closed(world):
    """It joins the group as a member like any other, and gives what it is assigned then."""
    old, new = world.clients[0], (world.source.connect_anew(), world.clients[-1])[1]
    assert new is not old
    assert new.topics == [TOPIC]
    assert old.closed.wait(5)
    assert world.source.group_metadata() is new
    new.calls("on_assign", 1)
    new.messages = [Message(1)]
    assert world.given() == [1]


def test_what_the_old_client_gave_early_is_dropped(world):
    """It was read under an ownership that is over, even where the same partition comes back."""
    world.clients[0].messages = [Message(0), Message(2)]
    world.source.keep_alive(0.0)
    world.source.keep_alive(0.0)
    world.source.connect_anew()
    world.clients[1].calls("on_assign", 0)
    assert world.given() == []


def test_nothing_of_the_old_client_is_given(world):
    """Neither what it still has in its queue."""
    world.clients[0].messages = [Message(0)]
    world.source.connect_anew()
    world.clients[1].calls("on_assign", 0)
    assert world.given() == []


def test_what_was_paused_is_forgotten(world):
    """The next client has nothing of it that could be resumed."""
    world.source.pause(keys(0))
    world.source.connect_anew()
    world.source.resume(keys(0)[0])


@pytest.mark.parametrize("callback", ["on_assign", "on_revoke", "on_lost"])
def test_callbacks_of_the_old_client_change_nothing(world, callback):
    """They may still run, while it is closed: the partitions are the next client's business alone."""
    old = world.clients[0]
    old.at_close = lambda: old.calls(callback, 0, 3)
    world.source.connect_anew()
    assert old.closed.wait(5), "its callback failed"
    new = world.clients[1]
    new.calls("on_assign", 0)
    old.calls(callback, 0, 3)
    assert world.told == [("lost", keys(0, 2)), ("assigned", keys(0))]
    new.messages = [Message(0), Message(3)]
    assert world.given() == [0]


def test_an_old_client_that_does_not_close_is_left_alone(world, monkeypatch):
    """One that finds no broker may take as long as it likes, or fail: the worker goes on."""
    monkeypatch.setattr(kafka_consumer, "_CLOSE_PATIENCE_S", 0.05)
    release = Event()
    world.clients[0].at_close = lambda: release.wait(10)
    world.source.connect_anew()
    assert not world.clients[0].closed.is_set()
    release.set()
    assert world.clients[0].closed.wait(5)


def test_an_old_client_that_fails_to_close_is_let_go(world):
    """Nobody owns anything of it any more."""

    def fail() -> None:
        raise KafkaException

    world.clients[0].at_close = fail
    world.source.connect_anew()
    assert world.source.group_metadata() is world.clients[1]
