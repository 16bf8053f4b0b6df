"""The instruments of the fault suite: what they strike is what they say they strike."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from deploy.local.ports import HOST
from tests.faults import runner, stream
from tests.faults.found import FOUND
from tests.faults.kinds.catalogue import KINDS
from tests.faults.points import POINTS, Point
from tests.faults.proxy import Action, Proxy, Strike
from tests.faults.supervisor import told_by_time
from tests.faults.wire import COMMIT_ANSWERED, COMMIT_ASKED, END_TXN, OTHER, KafkaWire, PostgresWire
from tests.integration.deployment import halted


def framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def request(key: int, correlation: int) -> bytes:
    return framed(struct.pack(">hhi", key, 1, correlation) + b"rest")


def response(correlation: int) -> bytes:
    return framed(struct.pack(">iih", correlation, 0, 0))


def test_the_commit_of_a_kafka_transaction_is_told_from_other_requests_and_answers():
    """However TCP cuts the bytes, a strike at a commit meets EndTxn and its own answer, and no other message."""
    wire = KafkaWire()
    asked = request(1, 7) + request(END_TXN, 8) + request(1, 9)
    labels = [label for byte in asked for label, _ in wire.from_client(bytes([byte]))]
    assert labels == [OTHER, COMMIT_ASKED, OTHER]
    answered = response(7) + response(8) + response(9)
    assert [label for label, _ in wire.from_server(answered)] == [OTHER, COMMIT_ANSWERED, OTHER]


def test_the_commit_of_a_postgresql_transaction_is_told_from_other_messages():
    """A strike at a commit meets the query COMMIT and its completion, after any way of starting a connection."""
    wire = PostgresWire()
    ssl_request, start = struct.pack(">ii", 8, 80877103), struct.pack(">ii", 12, 196608) + b"u\0\0\0"
    assert [label for label, _ in wire.from_client(ssl_request)] == [OTHER]
    assert [label for label, _ in wire.from_server(b"N")] == [OTHER]

    def typed(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack(">i", 4 + len(body)) + body

    asked = start + typed(b"Q", b"SELECT 1\0") + typed(b"Q", b"COMMIT\0")
    assert [label for byte in asked for label, _ in wire.from_client(bytes([byte]))] == [OTHER, OTHER, COMMIT_ASKED]
    answered = typed(b"R", b"\0\0\0\0") + typed(b"C", b"SELECT 1\0") + typed(b"C", b"COMMIT\0")
    assert [label for label, _ in wire.from_server(answered)] == [OTHER, OTHER, COMMIT_ANSWERED]


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A server whose received bytes a test can look at."""
    with socket.create_server((HOST, 0)) as listening:
        yield listening


@pytest.mark.parametrize(
    ("action", "arrives"),
    [(Action.CUT_BEFORE, 0), (Action.HALVE, 8), (Action.CUT_AFTER, 16), (Action.DELAY, 16)],
)
def test_a_strike_cuts_where_it_says(server: socket.socket, action: Action, arrives: int):
    """What a server has seen of a commit when its connection is cut is nothing, a half, or all of it."""
    with socket.create_server((HOST, 0)) as chosen:
        port = chosen.getsockname()[1]
    message = request(END_TXN, 1)
    assert len(message) == 16
    with Proxy(port, server.getsockname()[1], KafkaWire, [Strike(COMMIT_ASKED, action, {1}, 0.05)]) as proxy:
        client = socket.create_connection((HOST, port))
        accepted, _ = server.accept()
        accepted.settimeout(5)
        client.sendall(message)
        if action is Action.DELAY:
            threading.Timer(0.5, client.close).start()
        received = b""
        while data := accepted.recv(64):
            received += data
        assert received == message[:arrives]
        assert proxy.struck == 1


def test_a_seed_publishes_the_same_events_again():
    """A case that failed can be replayed: its seed gives the same keys, partitions and kinds of events."""
    shape = stream.Shape(200)
    first, again = (
        [(e.topic, e.key, e.partition, [name for name, _ in e.headers]) for e in stream.events(random.Random(3), shape)]
        for _ in range(2)
    )
    assert first == again
    assert len(first) == 200
    homes: dict[bytes | None, set[int | None]] = {}
    for _, key, partition, _ in first:
        homes.setdefault(key, set()).add(partition)
    assert any(len(places) > 1 for places in homes.values()), "some orders are reached from several partitions"


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_every_point_is_on_the_way_of_a_worker(point: Point):
    """A point whose call was renamed would strike nobody: each is a call that the worker's code makes."""
    assert callable(getattr(point.owner, point.name))


def test_a_partition_is_halted_when_the_last_worker_that_had_it_says_so():
    """Partitions move: a worker that recovered one and lost it says nothing of the next one's halt."""

    def told(event: str, second: int) -> str:
        at = f"2026-01-01T00:00:{second:02}.000000Z"
        return json.dumps({"topic": "raw", "partition": 1, "cause": "lost", "event": event, "timestamp": at})

    earlier, later = told("partition_recovered", 1), told("partition_halted", 2)
    recovered = told("partition_recovered", 3)
    for logs in ([later, earlier], [earlier, later]):
        assert halted(told_by_time(logs)) == {("raw", 1): "lost"}
    assert halted(told_by_time([recovered, f"Traceback\n{later}"])) == {}


def test_every_kind_of_fault_gets_its_turn():
    """No kind is left out of a long run, and each case can be replayed by its kind and seed."""
    wanted = runner.jobs(3 * len(KINDS), 0, None)
    assert wanted[: len(FOUND)] == list(FOUND), "what was found once comes first"
    turns = Counter(kind for kind, _ in wanted[len(FOUND) :])
    assert set(turns) == set(KINDS)
    assert set(turns.values()) <= {2, 3}
    assert runner.jobs(1, 17, "silence, Kafka") == [("silence, Kafka", 17)]
