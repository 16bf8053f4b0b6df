"""What brokers know of transactions is asked of each partition's leader, as soon as there is one."""

from __future__ import annotations

import itertools

import pytest

from ingest.errors import BrokerAway
from ingest.repair import broker_state
from ingest.repair.broker_state import BrokerState
from ingest.repair.wire import Api, Reader, Writer

METADATA = Api(3, 4, flexible=False)


def answer(leader: int) -> bytes:
    """Metadata of topic t with one partition; broker 1 is there when it leads."""
    written = Writer(METADATA).int32(0).array(int(leader == 1))
    if leader == 1:
        written.int32(1).string("127.0.0.1").int32(9092).int16(-1)
    written.int16(-1).int32(1).array(1).int16(0).string("t").int8(0)
    written.array(1).int16(0).int32(0).int32(leader).array(0).array(0)
    return written.taken()


def state(monkeypatch: pytest.MonkeyPatch, leaders: list[int]) -> BrokerState:
    """Its cluster tells these leaders, one after the other, and the last one for ever."""
    told = itertools.chain(leaders, itertools.repeat(leaders[-1]))
    made = BrokerState("127.0.0.1:1")
    monkeypatch.setattr(made, "_ask_any", lambda _api, _body: Reader(answer(next(told))))
    monkeypatch.setattr(made, "_connected", lambda _host, _port: None)
    monkeypatch.setattr(broker_state, "_PAUSE_S", 0.0)
    return made


def test_a_partition_is_given_time_to_find_a_leader(monkeypatch):
    """A lone broker that was killed is back, and not yet leading: a repair waits instead of giving up."""
    made = state(monkeypatch, [-1, -1, 1])
    assert made.partitions(["t"]) == [("t", 0)]
    assert made._leaders == {("t", 0): 1}


def test_a_partition_without_a_leader_is_told_in_the_end(monkeypatch):
    """Nothing is said of what nobody can be asked about."""
    monkeypatch.setattr(broker_state, "_LEADERS_WITHIN_S", 0.0)
    made = state(monkeypatch, [-1])
    made.partitions(["t"])
    with pytest.raises(BrokerAway, match="no leader"):
        made.open_transactions([("t", 0)])
