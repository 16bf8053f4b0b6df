"""What brokers know of a partition is asked of its leader, as soon as there is one."""

from __future__ import annotations

import itertools

import pytest

from ingest import kafka_leaders as module
from ingest.errors import BrokerAway
from ingest.kafka_leaders import Leaders
from ingest.kafka_wire import Api, Reader, WireError, Writer

METADATA = Api(3, 4, flexible=False)


def answer(leader: int) -> bytes:
    """Metadata of topic t with one partition; broker 1 is there when it leads."""
    written = Writer(METADATA).int32(0).array(int(leader == 1))
    if leader == 1:
        written.int32(1).string("127.0.0.1").int32(9092).int16(-1)
    written.int16(-1).int32(1).array(1).int16(0).string("t").int8(0)
    written.array(1).int16(0).int32(0).int32(leader).array(0).array(0)
    return written.taken()


def cluster(monkeypatch: pytest.MonkeyPatch, told: list[int]) -> Leaders:
    """Its brokers tell these leaders, one after the other, and the last one for ever."""
    leaders = itertools.chain(told, itertools.repeat(told[-1]))
    made = Leaders("127.0.0.1:1")
    monkeypatch.setattr(made, "_ask_any", lambda _api, _body: Reader(answer(next(leaders))))
    monkeypatch.setattr(made, "_connected", lambda host, port: Asked(host, port))
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    return made


class Asked:
    """A broker that answers with its own port."""

    def __init__(self, host: str, port: int) -> None:
        self._port = port

    def ask(self, _api: Api, _body: Writer) -> Reader:
        return Reader(Writer(METADATA).int32(self._port).taken())


def test_a_partition_is_given_time_to_find_a_leader(monkeypatch):
    """A lone broker that was killed is back, and not yet leading: a repair waits instead of giving up."""
    made = cluster(monkeypatch, [-1, -1, 1])
    assert made.find(["t"], within_s=15) == [("t", 0)]
    assert made.ask_leader(("t", 0), METADATA, Writer(METADATA)).int32() == 9092


def test_a_partition_without_a_leader_is_told_in_the_end(monkeypatch):
    """Nothing is said of what nobody can be asked about."""
    made = cluster(monkeypatch, [-1])
    made.find(["t"], within_s=0)
    with pytest.raises(BrokerAway, match="no leader"):
        made.ask_leader(("t", 0), METADATA, Writer(METADATA))


def test_any_broker_that_answers_tells_where_leaders_are(monkeypatch):
    """The one that was asked first may be the one that was lost: a repair looks leaders up again at another one."""
    made = Leaders("127.0.0.1:1")
    made._addresses = {1: ("127.0.0.1", 1), 2: ("127.0.0.1", 2)}
    monkeypatch.setattr(made, "_connected", lambda _host, port: Answers() if port == 2 else Gone())
    assert made.find(["t"], within_s=0) == [("t", 0)]


def test_a_broker_that_hung_up_is_connected_to_again(monkeypatch):
    """It was only restarted: a connection that broke is not kept for the next question."""
    made = Leaders("127.0.0.1:1")
    made._addresses = {1: ("127.0.0.1", 1)}
    connections = iter([Gone(), Answers()])
    monkeypatch.setattr(made, "_connected", lambda _host, _port: next(connections))
    with pytest.raises(BrokerAway):
        made.ask(1, METADATA, Writer(METADATA))
    assert made.ask(1, METADATA, Writer(METADATA)).left


class Gone:
    """A broker that hangs up."""

    def ask(self, _api: Api, _body: Writer) -> Reader:
        raise WireError("the broker closed the connection")


class Answers:
    """A broker that knows leaders."""

    def ask(self, _api: Api, _body: Writer) -> Reader:
        return Reader(answer(1))
