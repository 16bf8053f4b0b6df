"""Ports stay what they were, unless someone else has taken one."""

import socket
from pathlib import Path

from deploy.local.ports import HOST, Ports, is_free


def test_a_port_is_remembered_and_given_up_only_when_taken(tmp_path: Path) -> None:
    """Clients keep their settings over restarts; a taken port does not keep the stack from starting."""
    port, replaced = Ports(tmp_path / "ports.json").settle("kafka")
    assert replaced is None
    assert Ports(tmp_path / "ports.json").settle("kafka") == (port, None)
    with socket.create_server((HOST, port)):
        assert not is_free(port)
        other, replaced = Ports(tmp_path / "ports.json").settle("kafka")
    assert replaced == port != other
    assert Ports(tmp_path / "ports.json").of("kafka") == other


def test_a_port_that_was_just_used_is_free(tmp_path: Path) -> None:
    """A restart straight after a stop finds its port again, though old connections linger in the kernel."""
    port, _ = Ports(tmp_path / "ports.json").settle("kafka")
    with socket.create_server((HOST, port)) as server:
        with socket.create_connection((HOST, port)), server.accept()[0] as accepted:
            accepted.close()  # the server closes first: its side lingers
        server.close()
    assert is_free(port)


def test_ports_lie_below_those_of_outgoing_connections(tmp_path: Path) -> None:
    """No client's connection takes a server's port while the server restarts."""
    ports = Ports(tmp_path / "ports.json")
    assert all(ports.settle(str(number))[0] < 32768 for number in range(50))
