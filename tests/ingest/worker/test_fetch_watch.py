"""A partition that the Kafka client has forgotten to fetch is fetched anew; one that is simply quiet is left alone."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ingest.state import Carrier
from ingest.worker.fetch_watch import FetchWatch
from ingest.worker.partition import OwnedPartition, PartitionKey, Phase

KEY = ("raw.web.orders.v1", 0)
LOOK_S = 10.0


class Client:
    """A raw log, and what is told to the client that reads it, at a time that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.end = 0
        self.asked = 0
        self.anew: list[int] = []
        self.partition = OwnedPartition(KEY)
        self.partition.recovered(1, 0, 0)
        self.watch = FetchWatch(cast("Any", self), [self.partition], lambda: self.now)

    def watermarks(self, _key: PartitionKey) -> tuple[int, int]:
        """Asked by the watch."""
        self.asked += 1
        return 0, self.end

    def start_anew(self, key: PartitionKey, offset: int) -> None:
        """Told by the watch."""
        assert key == KEY
        self.anew.append(offset)

    def looks(self, times: int) -> None:
        """So many looks, and a few calls in vain between them."""
        for _ in range(times):
            self.watch.look_now_and_then()
            assert self.watch.look_now_and_then() == [], "not yet"
            self.now += LOOK_S


@pytest.fixture
def client() -> Client:
    return Client()


def test_a_record_that_is_not_given_is_fetched_anew_from_where_reading_stands(client):
    """It has been in the log since the last look, and nothing was read meanwhile: the client has forgotten it."""
    client.partition.read_to = client.end = 7
    client.looks(3)
    client.end = 8
    client.looks(1)
    assert client.anew == [], "it may have come just now"
    client.looks(1)
    assert client.anew == [7]


def test_reading_that_gets_on_is_left_alone_and_costs_no_request(client):
    """Under load nothing is asked of the broker."""
    for at in range(1, 9):
        client.partition.read_to, client.end = at, at + 100
        client.looks(1)
    assert (client.anew, client.asked) == ([], 0)


def test_a_log_that_ends_with_what_is_no_record_is_fetched_anew_once(client):
    """A channel's transaction ends with a marker, which nobody is given; what comes behind it may stall again."""
    client.partition.read_to, client.end = 7, 8
    client.looks(9)
    assert client.anew == [7]
    client.end = 10
    client.looks(3)
    assert client.anew == [7, 7]


@pytest.mark.parametrize("state", ["recovering", "halted", "waiting"])
def test_a_partition_that_does_not_read_is_left_alone(client, state):
    """In recovery, halted, or waiting for a hand-over: nothing is to be given then."""
    client.partition.read_to, client.end = 7, 8
    if state == "waiting":
        client.partition.waits_for = Carrier("raw.web.orders.v1", 1, 3)
    else:
        client.partition.phase = Phase[state.upper()]
    client.looks(5)
    assert client.anew == []
