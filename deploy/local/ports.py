"""The stack's ports: chosen once, remembered in the run directory, chosen again only when taken by others."""

import json
import random
import socket
from pathlib import Path

HOST = "127.0.0.1"

# Below the range from which systems pick ports for outgoing connections. A server that stops for a moment
# would else find its port taken by some client's connection; worse, a client that retries a dead port of that
# range can connect to itself.
_RANGE = range(20_000, 30_000)


class Ports:
    """The remembered port of each name, kept in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def of(self, name: str) -> int:
        """The port of a name that `settle` has chosen.

        Raises:
            KeyError: none was chosen yet.
        """
        return self._read()[name]

    def settle(self, name: str) -> tuple[int, int | None]:
        """Make sure the name has a port nobody else listens on: (the port, the one it replaces or None).

        Call it only while the name's own server is not running.
        """
        ports = self._read()
        old = ports.get(name)
        if old is not None and is_free(old):
            return old, None
        others = set(ports.values())
        while True:
            chosen = random.choice(_RANGE)  # noqa: S311  not a secret
            if chosen not in others and is_free(chosen):
                break
        ports[name] = chosen
        half = self._file.with_suffix(".half")
        half.write_text(json.dumps(ports, indent=1))
        half.replace(self._file)
        return chosen, old

    def _read(self) -> dict[str, int]:
        try:
            ports: dict[str, int] = json.loads(self._file.read_text())
        except FileNotFoundError:
            return {}
        return ports


def is_free(port: int) -> bool:
    """Whether nobody listens on the port of this machine."""
    with socket.socket() as probe:
        # Connections of a server that has just stopped linger in TIME_WAIT; they do not keep the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether something accepts connections on the port."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False
