"""A psycopg connection to the simulated PostgreSQL, as far as the worker uses one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from tests.simulation import statements
from tests.simulation.database import IDLE_TIMEOUT_S, Server, Session
from tests.simulation.weather import Fault, Weather
from tests.simulation.world import Action, Process


class Rows:
    """What a statement gave."""

    def __init__(self, rows: list[tuple[Any, ...]], rowcount: int) -> None:
        self._rows = iter(rows)
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._rows

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(self._rows, None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._rows)


class DatabaseConnection:
    """One connection of one process. Every statement is a round trip that may fail on either way."""

    def __init__(self, process: Process, server: Server, weather: Weather) -> None:
        """Raises psycopg.OperationalError while the server is down."""
        self._process = process
        self._server = server
        self._weather = weather
        process.check()
        process.sleep(weather.latency())
        if not server.up:
            raise psycopg.OperationalError("connection refused")
        self._session: Session = server.connect(process.name)
        self._broken = False
        process.ended.append(lambda: server.world.at(weather.latency(), lambda: server.close(self._session)))

    def execute(self, query: Any, parameters: Sequence[Any] | None = None, *, prepare: bool | None = None) -> Rows:
        """One statement; how it is planned makes no difference here."""
        name, attempt = statements.prepare(query, parameters or (), self._session)
        return Rows(*self._round_trip(name, attempt))

    @property
    def info(self) -> SimpleNamespace:
        """As psycopg, whether a transaction is open."""
        return SimpleNamespace(
            transaction_status=TransactionStatus.INTRANS if self._session.active else TransactionStatus.IDLE
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """As psycopg: BEGIN, then COMMIT, or ROLLBACK after an exception."""
        self._round_trip("BEGIN", self._session.begin)
        try:
            yield
        except Exception:
            if not self._broken:
                with suppress(psycopg.Error):  # as psycopg: the first error is the one to tell
                    self.rollback()
            raise
        self._round_trip("COMMIT", self._session.commit)

    def rollback(self) -> None:
        """End what is open. Raises psycopg.OperationalError on a lost connection."""
        self._round_trip("ROLLBACK", self._session.rollback)

    @contextmanager
    def pipeline(self) -> Iterator[None]:
        """Statements one after the other: the server does the same with those that come in one go."""
        yield

    def close(self) -> None:
        """Close the connection; the server notices a moment later."""
        if self._process.alive and not self._broken:
            self._broken = True
            self._server.world.at(self._weather.latency(), lambda: self._server.close(self._session))

    def _round_trip(self, name: str, attempt: Any) -> Any:
        process, world, session = self._process, self._server.world, self._session
        process.check()
        if self._broken:
            raise psycopg.OperationalError("the connection is closed")
        self._weather.strike(process, name)
        fault = self._weather.database()
        if fault is not Fault.NONE:
            self._cut(fault, name, attempt)
        answer: list[Any] = []
        notify = process.notifier()

        def reply(given: Any, error: BaseException | None) -> None:
            answer.extend((given, error))
            world.at(self._weather.latency(), notify)

        world.at(self._weather.latency(), lambda: self._server.submit(session, attempt, reply))
        self._weather.strike(process, name)
        if process.frozen_until - world.now > IDLE_TIMEOUT_S:
            world.at(IDLE_TIMEOUT_S, lambda: self._server.close_idle(session))
        process.wait()
        given, error = answer
        if world.told and (error is not None or name in ("COMMIT", "LOCK_POSITIONS", "FENCE", "RELEASE")):
            world.tell(process.name, f"{name}: {type(error).__name__ if error else 'ok'}")
        if error is not None:
            if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
                self._broken = True
            raise error
        return given

    def _cut(self, fault: Fault, name: str, attempt: Any) -> None:
        """The connection breaks; the server notices at once or only after a while, and keeps the locks until then."""
        world, random = self._server.world, self._server.world.random
        session = self._session
        self._broken = True
        world.tell(self._process.name, f"{name}: connection lost ({fault.name.lower()})")
        noticed = self._weather.latency() if random.random() < 0.6 else 15 * random.random()

        def close() -> None:
            self._server.close(session)

        def last_one() -> None:
            self._server.submit(session, attempt, lambda _given, _error: world.at(noticed, close))

        actions: dict[Fault, tuple[float, Action]] = {
            Fault.LOST_REQUEST: (noticed, close),
            Fault.LOST_REPLY: (self._weather.latency(), last_one),
            Fault.LATE: (3 * random.random(), last_one),
        }
        world.at(*actions[fault])
        self._process.sleep(self._weather.latency())
        raise psycopg.OperationalError("server closed the connection unexpectedly")
