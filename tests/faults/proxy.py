"""A loopback TCP proxy that cuts, delays, halves and holds back: between the workers and one server."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from deploy.local.ports import HOST
from tests.faults.wire import COMMIT_ASKED, Wire


class Action(Enum):
    """What happens to a connection at a message."""

    CUT_BEFORE = "cut before"
    CUT_AFTER = "cut after"
    HALVE = "halved"
    DELAY = "delayed"
    HOLD = "held back"
    """The client's side is cut; the server gets the message later, from a connection nobody listens to."""


@dataclass
class Strike:
    """An action at the messages with these numbers (from 1) among those labelled `label`."""

    label: str
    action: Action
    at: set[int]
    seconds: float = 0.0
    seen: int = 0
    done: int = 0


@dataclass(eq=False)
class _Connection:
    client: socket.socket
    server: socket.socket
    wire: Wire
    held: bytes | None = None

    def cut(self) -> None:
        """End both sides at once."""
        for side in (self.client, self.server):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)


@dataclass
class Proxy:
    """Listens on `port` for a server on `target`; strikes are taken from the list `strikes`."""

    port: int
    target: int
    make_wire: Callable[[], Wire]
    strikes: list[Strike] = field(default_factory=list)
    late: list[tuple[float, int | None]] = field(default_factory=list)
    """Of each message held back: seconds until it was delivered, and the error code of the answer to it."""
    _open: set[_Connection] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _passes: threading.Event = field(default_factory=threading.Event)
    _asked_again: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Proxy:
        self._passes.set()
        self._listener = socket.create_server((HOST, self.port))
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        # Closing alone does not wake a thread that waits in accept.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._passes.set()
        self.cut_all()

    def cut_all(self) -> int:
        """Cut every connection; gives how many."""
        with self._lock:
            cut = list(self._open)
        for connection in cut:
            connection.cut()
        return len(cut)

    @contextlib.contextmanager
    def silence(self) -> Iterator[None]:
        """Nothing passes, and nobody is told: a cable pulled out."""
        self._passes.clear()
        try:
            yield
        finally:
            self._passes.set()

    @property
    def struck(self) -> int:
        """How many strikes came up."""
        return sum(strike.done for strike in self.strikes)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((HOST, self.target), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(client, server, self.make_wire())
            with self._lock:
                self._open.add(connection)
            for to_server in (True, False):
                threading.Thread(target=self._pump, args=(connection, to_server), name="pump", daemon=True).start()

    def _pump(self, connection: _Connection, to_server: bool) -> None:
        wire, client, server = connection.wire, connection.client, connection.server
        source, sink = (client, server) if to_server else (server, client)
        split = wire.from_client if to_server else wire.from_server
        try:
            while data := source.recv(1 << 16):
                for label, message in split(data):
                    self._passes.wait()
                    if not self._pass_on(connection, label, message, sink):
                        return
        except OSError:
            pass
        finally:
            if connection.held is None:
                connection.cut()
                with self._lock:
                    self._open.discard(connection)

    def _pass_on(self, connection: _Connection, label: str, message: bytes, sink: socket.socket) -> bool:
        """Send one message on, or what a strike makes of it; False when the connection is over."""
        strike = self._strike_at(label)
        if label == COMMIT_ASKED:
            self._asked_again.set()
        if strike is None:
            sink.sendall(message)
            return True
        if strike.action is Action.DELAY:
            time.sleep(strike.seconds)
            sink.sendall(message)
            return True
        if strike.action is Action.CUT_AFTER:
            sink.sendall(message)
        elif strike.action is Action.HALVE:
            sink.sendall(message[: len(message) // 2])
        elif strike.action is Action.HOLD:
            self._hold(connection, message, strike.seconds)
        return False

    def _strike_at(self, label: str) -> Strike | None:
        with self._lock:
            found = None
            for strike in self.strikes:
                if strike.label == label:
                    strike.seen += 1
                    if strike.seen in strike.at:
                        strike.done += 1
                        found = strike
            return found

    def _hold(self, connection: _Connection, message: bytes, seconds: float) -> None:
        """Deliver the message once the client has asked again elsewhere and `seconds` have passed."""
        connection.held = message
        self._asked_again.clear()
        with contextlib.suppress(OSError):
            connection.client.shutdown(socket.SHUT_RDWR)
        threading.Thread(target=self._deliver, args=(connection, seconds), name="late", daemon=True).start()

    def _deliver(self, connection: _Connection, seconds: float) -> None:
        began = time.monotonic()
        self._asked_again.wait(10)
        time.sleep(seconds)
        code = None
        with contextlib.suppress(OSError, struct.error):
            connection.server.sendall(connection.held or b"")
            connection.server.settimeout(5)
            # EndTxn response, version 1: length, correlation id, throttle time, error code.
            code = struct.unpack_from(">iiih", connection.server.recv(64))[3]
        self.late.append((time.monotonic() - began, code))
        connection.cut()
        with self._lock:
            self._open.discard(connection)
