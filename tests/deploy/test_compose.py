"""The containers are the same stack."""

from pathlib import Path
from typing import Any

import yaml

import deploy
from deploy.local.kafka import SETTINGS

COMPOSE = Path(deploy.__file__).parent / "compose.yaml"
OWN = {  # what must differ: names and addresses inside the container network
    "process.roles", "node.id", "controller.quorum.voters", "controller.listener.names", "listeners",
    "advertised.listeners", "listener.security.protocol.map", "inter.broker.listener.name", "log.dirs",
}  # fmt: skip


def services() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return content


def test_the_broker_has_the_same_settings_in_a_container() -> None:
    """What works with `ordergate up` works with the containers: sizes, time-outs, no automatic topics."""
    environment = services()["kafka"]["environment"]
    lines = [line for line in SETTINGS.splitlines() if line and not line.startswith("#")]
    local = {name: value for name, _, value in (line.partition("=") for line in lines) if name not in OWN}
    names = {name: "KAFKA_" + name.upper().replace(".", "_") for name in local}
    contained = {name: str(environment.get(names[name])) for name in local}
    assert contained == local


def test_every_port_is_on_this_machine_only() -> None:
    """A laptop in a café offers nobody its broker."""
    ports = [port for service in services().values() for port in service["ports"]]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)
