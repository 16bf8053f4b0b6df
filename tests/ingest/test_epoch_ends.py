"""Where a leader epoch ends is what the partition's leader says, and nothing where it does not know."""

from __future__ import annotations

import pytest

from ingest import epoch_ends as module
from ingest.epoch_ends import epoch_ends
from ingest.errors import BrokerAway
from ingest.kafka_leaders import Leaders
from ingest.kafka_wire import Api, Reader, Writer

Key = tuple[str, int]
FIRST, SECOND = ("raw", 0), ("raw", 1)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[Key, tuple[int, int, int]]:
    """What leaders answer (error code, leader epoch, end offset), by partition."""
    given: dict[Key, tuple[int, int, int]] = {}
    monkeypatch.setattr(module, "_PATIENCE_S", 0.0)

    def ask_leader(_self: Leaders, partition: Key, api: Api, body: Writer) -> Reader:
        asked = Reader(body.taken())
        assert (list(asked.array()), asked.string(), list(asked.array())) == ([0], partition[0], [0])
        assert (asked.int32(), asked.int32(), asked.int32(), asked.left) == (partition[1], -1, 5, 0)
        error, epoch, end = given[partition]
        answer = Writer(api).int32(0).array(1).string(partition[0]).array(1)
        return Reader(answer.int16(error).int32(partition[1]).int32(epoch).int64(end).taken())

    monkeypatch.setattr(Leaders, "find", lambda _self, _topics, within_s: [])
    monkeypatch.setattr(Leaders, "ask_leader", ask_leader)
    return given


def test_a_leader_tells_where_an_epoch_ends(answers):
    """An epoch without records of its own ends where the one before it does; one that nobody knows ends nowhere."""
    answers |= {FIRST: (0, 3, 90), SECOND: (0, -1, -1)}
    assert epoch_ends("127.0.0.1:1", {FIRST: 5, SECOND: 5}) == {FIRST: 90}


def test_a_refusal_is_no_answer(answers):
    """A broker that does not lead the partition any more is asked again later, and nothing is taken for granted."""
    answers[FIRST] = (6, -1, -1)
    with pytest.raises(BrokerAway, match="OffsetForLeaderEpoch"):
        epoch_ends("127.0.0.1:1", {FIRST: 5})


def test_a_leader_that_moves_is_looked_for_again(answers, monkeypatch):
    """An ordinary change of leader is neither a loss nor a reason to give up; who has answered is not asked again."""
    monkeypatch.setattr(module, "_PATIENCE_S", 5.0)
    answers |= {FIRST: (0, 5, 90), SECOND: (6, -1, -1)}
    looked_up: list[set[str]] = []

    def find(_self: Leaders, topics: set[str], within_s: float) -> None:
        looked_up.append(topics)
        if len(looked_up) > 1:
            answers.pop(FIRST, None)
            answers[SECOND] = (0, 5, 80)

    monkeypatch.setattr(Leaders, "find", find)
    assert epoch_ends("127.0.0.1:1", {FIRST: 5, SECOND: 5}) == {FIRST: 90, SECOND: 80}


def test_nobody_is_asked_about_nothing():
    """Before the first event there is nothing to compare."""
    assert epoch_ends("nowhere:1", {}) == {}
