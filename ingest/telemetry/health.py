"""Liveness, readiness and metrics on one HTTP port.

Alive: the worker's loop has turned lately; a process that is not should be restarted. Ready: the database
answers and every assigned partition is fenced and replayed; a worker that is not is starting, recovering, or
stopped at a partition.
"""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from prometheus_client import CONTENT_TYPE_LATEST

from ingest.errors import ConfigurationRefused
from ingest.settings import variable
from ingest.telemetry.metrics import Metrics
from ingest.worker.partition import Phase


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer to a probe: whether it is good, and what a person reading it needs to know."""

    good: bool
    body: dict[str, Any]


class Health:
    """What the worker's loop tells and probes ask. Safe to use from several threads."""

    def __init__(self, tick_bound_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`tick_bound_s`: a loop silent for longer is taken for dead; `clock`: seconds, never going back."""
        self._bound = tick_bound_s
        self._clock = clock
        self._lock = threading.Lock()
        self._ticked_at = clock()
        self._database = "not yet reached"
        self._partitions: dict[tuple[str, int], Phase] = {}

    def tick(self) -> None:
        """The loop turned."""
        self._ticked_at = self._clock()

    def database_reached(self) -> None:
        """The database answered."""
        self._database = "reachable"

    def database_lost(self) -> None:
        """The database does not answer."""
        self._database = "away"

    def partition(self, topic: str, partition: int, state: Phase) -> None:
        """An assigned partition is in this state now."""
        with self._lock:
            self._partitions[topic, partition] = state

    def released(self, topic: str, partition: int) -> None:
        """The partition is no longer assigned."""
        with self._lock:
            self._partitions.pop((topic, partition), None)

    def liveness(self) -> Verdict:
        """Whether the loop's last turn is recent."""
        age = self._clock() - self._ticked_at
        alive = age <= self._bound
        return Verdict(
            alive,
            {
                "status": "alive" if alive else "stuck",
                "seconds_since_loop": round(age, 3),
                "bound_seconds": self._bound,
            },
        )

    def readiness(self) -> Verdict:
        """Whether the database answers and every assigned partition, if any, runs."""
        with self._lock:
            partitions = sorted(self._partitions.items())
        database = self._database
        waiting = [] if database == "reachable" else [f"database {database}"]
        waiting += [
            f"{topic}/{partition} {state}" for (topic, partition), state in partitions if state is not Phase.RUNNING
        ]
        return Verdict(
            not waiting,
            {
                "status": "not ready" if waiting else "ready",
                "waiting_for": waiting,
                "database": database,
                "partitions": {f"{topic}/{partition}": state for (topic, partition), state in partitions},
            },
        )


class HealthServer:
    """Serves /live, /ready and /metrics from its own threads, from `with` to its end."""

    def __init__(self, host: str, port: int, health: Health, metrics: Metrics) -> None:
        """Listens at once; `port` 0 takes any free one. Raises ConfigurationRefused when it cannot."""
        handler = type("Handler", (_Handler,), {"health": health, "metrics": metrics})
        try:
            self._server = _Server((host, port), handler)
        except OSError as error:
            names = f"{variable('http_host')} and {variable('http_port')}"
            problem = f"{names}: cannot listen on {host}:{port} ({error.strerror})"
            raise ConfigurationRefused([f"{problem}; expected a free port of this host"]) from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="health", daemon=True)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a probe that stays connected must not keep the process from ending
    server_address: tuple[str, int]

    def server_bind(self) -> None:
        # HTTPServer's own looks up the host's name, which can take seconds where names do not resolve.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


class _Handler(BaseHTTPRequestHandler):
    timeout = 5
    health: Health
    metrics: Metrics

    def do_GET(self) -> None:
        """Answers a probe or a scrape."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, self.metrics.exposition())
        elif path == "/live":
            self._judge(self.health.liveness())
        elif path == "/ready":
            self._judge(self.health.readiness())
        else:
            body = {"error": "no such page", "pages": ["/live", "/ready", "/metrics"]}
            self._answer(HTTPStatus.NOT_FOUND, "application/json", json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Probes come every second: they are not logged."""

    def _judge(self, verdict: Verdict) -> None:
        status = HTTPStatus.OK if verdict.good else HTTPStatus.SERVICE_UNAVAILABLE
        self._answer(status, "application/json", json.dumps(verdict.body).encode())

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)
