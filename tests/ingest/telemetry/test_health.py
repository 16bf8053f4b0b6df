"""Probes tell the truth: a stuck worker is restarted, a recovering one gets time, an operator sees what it
waits for."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request

import pytest

from ingest.errors import ConfigurationRefused
from ingest.telemetry.health import Health, HealthServer
from ingest.telemetry.metrics import Metrics
from ingest.worker.partition import Phase


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def health(clock):
    return Health(30, clock)


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def get(health, metrics):
    """Serves on a free port; gives a function that asks for a page: (status, content type, body)."""
    with HealthServer("127.0.0.1", 0, health, metrics) as server:

        def ask(page):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{page}", timeout=5) as answer:
                    return answer.status, answer.headers["Content-Type"], answer.read().decode()
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.headers["Content-Type"], error.read().decode()

        yield ask


def test_a_worker_whose_loop_turns_is_alive(get, health, clock):
    """A busy worker is not restarted."""
    clock.now += 30
    status, content_type, body = get("/live")
    assert (status, content_type) == (200, "application/json")
    assert json.loads(body) == {"status": "alive", "seconds_since_loop": 30.0, "bound_seconds": 30}


def test_a_stuck_loop_is_not_alive_until_it_turns_again(get, health, clock):
    """A worker that hangs in a call is found by the probe within the bound."""
    clock.now += 30.5
    status, _, body = get("/live")
    assert status == 503 and json.loads(body)["status"] == "stuck"
    health.tick()
    assert get("/live")[0] == 200


def test_a_worker_is_ready_when_the_database_answers_and_all_partitions_run(get, health):
    """A rolling update goes on only when the new worker has recovered what it was given."""
    assert get("/ready")[0] == 503
    health.database_reached()
    assert get("/ready")[0] == 200
    health.partition("raw.web.orders.v1", 0, Phase.RUNNING)
    for state in Phase:
        health.partition("raw.web.orders.v1", 1, state)
        assert get("/ready")[0] == (200 if state is Phase.RUNNING else 503), state
    health.database_lost()
    assert get("/ready")[0] == 503


def test_readiness_names_what_is_waited_for(get, health):
    """An operator who asks why learns it from the answer."""
    health.partition("raw.web.orders.v1", 1, Phase.HALTED)
    health.partition("raw.web.orders.v1", 0, Phase.RUNNING)
    assert json.loads(get("/ready")[2]) == {
        "status": "not ready",
        "waiting_for": ["database not yet reached", "raw.web.orders.v1/1 halted"],
        "database": "not yet reached",
        "partitions": {"raw.web.orders.v1/0": "running", "raw.web.orders.v1/1": "halted"},
    }


def test_a_partition_that_went_away_is_not_waited_for(get, health):
    """After a rebalance the worker answers for its own partitions only."""
    health.database_reached()
    health.partition("raw.web.orders.v1", 1, Phase.RECOVERING)
    health.released("raw.web.orders.v1", 1)
    health.released("raw.web.orders.v1", 9)
    assert get("/ready")[0] == 200


def test_metrics_are_on_the_same_port(get, metrics):
    """A scraper needs no second port."""
    metrics.parked(7)
    status, content_type, body = get("/metrics")
    assert status == 200 and content_type.startswith("text/plain")
    assert "ordergate_parked_events 7.0" in body


def test_an_unknown_page_names_the_known_ones(get):
    """A typing error in a probe's path is found by reading the answer."""
    status, _, body = get("/healthz")
    assert status == 404 and json.loads(body)["pages"] == ["/live", "/ready", "/metrics"]


def test_the_server_stops_at_once_and_frees_its_port(health, metrics):
    """A worker ends within its grace period, even while a client holds a connection, and can start again."""
    server = HealthServer("127.0.0.1", 0, health, metrics)
    with server:
        idle = socket.create_connection(("127.0.0.1", server.port))
        idle.sendall(b"GET /live HTTP/1.1\r\n")
        began = time.monotonic()
    assert time.monotonic() - began < 2
    idle.close()
    with HealthServer("127.0.0.1", server.port, health, metrics) as again:
        assert again.port == server.port


def test_a_port_in_use_is_a_setting_to_correct(health, metrics):
    """Two workers on one host get a clear error instead of a stack trace."""
    with (
        HealthServer("127.0.0.1", 0, health, metrics) as server,
        pytest.raises(ConfigurationRefused, match=r"ORDERGATE_HTTP_PORT: cannot listen on 127.0.0.1"),
    ):
        HealthServer("127.0.0.1", server.port, health, metrics)
