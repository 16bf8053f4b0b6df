"""A simulated PostgreSQL: transactions at READ COMMITTED with row locks, on rows kept in dictionaries.

It knows nothing of Ordergate: what a statement does is told by `statements.py`. Behaviour follows PostgreSQL's
documentation, chapter 13 (Concurrency Control) and "Client Connection Defaults"; `test_database.py` compares it with a
real server.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import errors

from tests.simulation.world import World

Key = tuple[Any, ...]
Row = dict[str, Any]

DEADLOCK_TIMEOUT_S = 1.0
LOCK_TIMEOUT_S = 10.0
IDLE_TIMEOUT_S = 30.0
"""As the product's connections ask for, but for the deadlock time-out, which is PostgreSQL's default."""


class Blocked(Exception):
    """A statement has to wait for another transaction's lock."""

    def __init__(self, holder: Session) -> None:
        super().__init__()
        self.holder = holder


class Session:
    """One server process: a connection's transaction with its locks and its uncommitted rows."""

    def __init__(self, server: Server, owner: str) -> None:
        self.server = server
        self.owner = owner
        self.open = True
        self.active = False
        self.writes: dict[tuple[str, Key], Row | None] = {}
        self.locks: set[tuple[str, Key]] = set()
        self.began_at = 0.0
        self.waiting: _Statement | None = None

    def begin(self) -> None:
        """Start a transaction."""
        self.active = True
        self.began_at = self.server.world.now

    def commit(self) -> None:
        """Make the transaction's rows everybody's, durably."""
        self.server.commit(self)

    def rollback(self) -> None:
        """Undo the transaction; also the end of a connection."""
        self.server.end(self)

    def row(self, table: str, key: Key) -> Row | None:
        """The newest version of a row that this transaction may see: its own, else the committed one."""
        own = self.writes.get((table, key), self)
        return self.server.tables[table].get(key) if own is self else own  # type: ignore[return-value]  # `self` stands for none

    def visible(self, table: str) -> list[tuple[Key, Row]]:
        """All rows of a table as a statement that starts now sees them, by key."""
        rows = dict(self.server.tables[table])
        for (name, key), row in self.writes.items():
            if name == table:
                if row is None:
                    rows.pop(key, None)
                else:
                    rows[key] = row
        return sorted(rows.items())

    def lock(self, table: str, key: Key) -> Row | None:
        """Lock a row and give its newest version, None if it is gone. Raises Blocked."""
        self._acquire(table, key)
        return self.row(table, key)

    def insert(self, table: str, key: Key, row: Row) -> None:
        """Raises Blocked while another transaction may have the key, UniqueViolation when it exists."""
        if self.row(table, key) is None:
            self._acquire(table, key)
        if self.row(table, key) is not None:
            raise errors.UniqueViolation(f"duplicate key in {table}")
        self.writes[table, key] = row

    def put(self, table: str, key: Key, row: Row | None) -> None:
        """A new version of a locked row, None to delete it."""
        self.writes[table, key] = row

    def _acquire(self, table: str, key: Key) -> None:
        holder = self.server.holders.get((table, key))
        if holder is None:
            self.server.holders[table, key] = self
            self.locks.add((table, key))
        elif holder is not self:
            raise Blocked(holder)


Attempt = Callable[[], Any]
Reply = Callable[[Any, BaseException | None], None]


class _Statement:
    """A statement that waits for a lock."""

    def __init__(self, attempt: Attempt, reply: Reply) -> None:
        self.attempt = attempt
        self.reply = reply
        self.holder: Session | None = None


class Server:
    """Rows, locks, sessions, and the history of commits that a fail-over may cut."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tables: defaultdict[str, dict[Key, Row]] = defaultdict(dict)
        self.holders: dict[tuple[str, Key], Session] = {}
        self.sessions: list[Session] = []
        self.down_until = 0.0
        self.commits: list[list[tuple[str, Key, Row | None, Row | None]]] = []
        """For each commit: table, key, row before, row after."""
        self.on_commit: Callable[[], None] = lambda: None
        self._blocked: list[Session] = []
        self._number = 0

    def number(self) -> int:
        """The next of a row that has no key."""
        self._number += 1
        return self._number

    @property
    def up(self) -> bool:
        """Whether it takes connections."""
        return self.world.now >= self.down_until

    def connect(self, owner: str) -> Session:
        """A new session."""
        session = Session(self, owner)
        self.sessions.append(session)
        return session

    def submit(self, session: Session, attempt: Attempt, reply: Reply) -> None:
        """Run a statement, now or when its locks are free; `reply` gets what it gives or raises."""
        if not session.open:
            reply(None, psycopg.OperationalError("server closed the connection unexpectedly"))
            return
        self._try(session, _Statement(attempt, reply))

    def commit(self, session: Session) -> None:
        """Apply a transaction's rows."""
        changes = []
        for (table, key), row in session.writes.items():
            before = self.tables[table].get(key)
            changes.append((table, key, before, row))
            self._set(table, key, row)
        if changes:
            self.commits.append(changes)
        self.end(session)
        if changes:
            self.on_commit()

    def end(self, session: Session) -> None:
        """Forget a transaction and let those go on that waited for it."""
        for lock in session.locks:
            del self.holders[lock]
        session.locks.clear()
        session.writes.clear()
        session.active = False
        session.waiting = None
        for other in [blocked for blocked in self._blocked if blocked is not session]:
            statement = other.waiting
            if statement is not None and statement.holder is session:
                self._try(other, statement)
        self._blocked = [blocked for blocked in self._blocked if blocked.waiting is not None]

    def close(self, session: Session) -> None:
        """The connection is gone: its transaction is undone."""
        if session.open:
            session.open = False
            self.sessions.remove(session)
            self.end(session)

    def close_idle(self, session: Session) -> None:
        """idle_in_transaction_session_timeout: a transaction whose client stands still is undone."""
        if session.active and session.waiting is None:
            self.close(session)

    def restart(self, seconds: float) -> None:
        """Every connection breaks, every open transaction is undone; nobody connects for a while."""
        self.down_until = self.world.now + seconds
        for session in list(self.sessions):
            self._break(session)

    def fail_over(self, commits: int, *, hidden: bool) -> list[list[tuple[str, Key, Row | None, Row | None]]]:
        """A standby takes over that lacks the newest commits; gives what was lost, newest first.

        Hidden: a connection pool keeps the clients' idle connections, so that they notice nothing.
        """
        for session in list(self.sessions):
            if session.active or not hidden:
                self._break(session)
        lost = []
        for _ in range(min(commits, len(self.commits))):
            changes = self.commits.pop()
            for table, key, before, _after in changes:
                self._set(table, key, before)
            lost.append(changes)
        return lost

    def _break(self, session: Session) -> None:
        statement = session.waiting
        self.close(session)
        if statement is not None:
            statement.reply(None, psycopg.OperationalError("terminating connection"))

    def _set(self, table: str, key: Key, row: Row | None) -> None:
        if row is None:
            self.tables[table].pop(key, None)
        else:
            self.tables[table][key] = row

    def _try(self, session: Session, statement: _Statement) -> None:
        try:
            given = statement.attempt()
        except Blocked as blocked:
            if session.waiting is None:
                session.waiting = statement
                self._blocked.append(session)
                self.world.at(LOCK_TIMEOUT_S, lambda: self._give_up(session, statement, errors.LockNotAvailable()))
            statement.holder = blocked.holder
            self.world.at(DEADLOCK_TIMEOUT_S, lambda: self._look_for_deadlock(session, statement))
            return
        except psycopg.Error as error:
            session.waiting = None
            statement.reply(None, error)
            return
        session.waiting = None
        statement.reply(given, None)

    def _look_for_deadlock(self, session: Session, statement: _Statement) -> None:
        seen: list[Session] = []
        at: Session | None = session
        while at is not None and at.waiting is not None and at not in seen:
            seen.append(at)
            at = at.waiting.holder
        if at is session:
            self._give_up(session, statement, errors.DeadlockDetected())

    def _give_up(self, session: Session, statement: _Statement, error: psycopg.Error) -> None:
        if session.waiting is statement:
            session.waiting = None
            self._blocked.remove(session)
            statement.reply(None, error)
