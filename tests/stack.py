"""Which stack the tests run on, chosen by ORDERGATE_STACK: `local` (the default) or `docker`."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from deploy.local import process
from deploy.local.ports import Ports
from deploy.local.stack import Endpoints, Stack

CHOICE = "ORDERGATE_STACK"
_COMPOSE = Path(__file__).parent.parent / "deploy" / "compose.yaml"


@contextmanager
def local_stack(stacks: Path) -> Iterator[Stack]:
    """A running stack in a new folder below `stacks`, gone without a trace afterwards."""
    with own_folder(stacks, remove_stack) as run_dir:
        stack = Stack(run_dir)
        stack.up()
        yield stack


@contextmanager
def own_folder(folders: Path, remove: Callable[[Path], None]) -> Iterator[Path]:
    """The name of a new folder below `folders` for servers; `remove` ends them and removes it.

    A test session that was killed could not clean up: what it left is removed here, by the next one.
    """
    folders.mkdir(exist_ok=True)
    for owner in folders.glob("*.owner"):
        if process.read_pid_file(owner) is None:  # which removes the file
            remove(folders / owner.stem)
    folder = folders / secrets.token_hex(4)
    owner = folder.with_suffix(".owner")
    process.write_pid_file(owner, process.this_process())
    try:
        yield folder
    finally:
        remove(folder)
        owner.unlink()


def remove_stack(run_dir: Path) -> None:
    """Stop and forget a stack, and remove its folder."""
    Stack(run_dir).forget()
    shutil.rmtree(run_dir, ignore_errors=True)


@contextmanager
def docker_stack(folder: Path) -> Iterator[Endpoints]:
    """The same parts from deploy/compose.yaml on free ports; skips the tests where Docker does not answer."""
    import docker
    from docker.errors import DockerException
    from testcontainers.compose import DockerCompose

    try:
        docker.from_env().ping()
    except DockerException as error:
        pytest.skip(f"{CHOICE}=docker, but Docker does not answer: {error}")
    ports = Ports(folder / "ports.json")
    kafka, postgres, registry = (ports.settle(name)[0] for name in ("kafka", "postgres", "registry"))
    settings = folder / "compose.env"
    settings.write_text(
        f"COMPOSE_PROJECT_NAME=ordergate-tests-{secrets.token_hex(4)}\n"
        f"ORDERGATE_KAFKA_PORT={kafka}\nORDERGATE_POSTGRES_PORT={postgres}\nORDERGATE_REGISTRY_PORT={registry}\n"
    )
    with DockerCompose(_COMPOSE.parent, compose_file_name=_COMPOSE.name, env_file=str(settings)):
        given = os.environ
        yield Endpoints(
            given.get("KAFKA_BOOTSTRAP_SERVERS") or f"127.0.0.1:{kafka}",
            given.get("DATABASE_URL") or f"postgresql://ordergate:ordergate@127.0.0.1:{postgres}/ordergate",
            given.get("SCHEMA_REGISTRY_URL") or f"http://127.0.0.1:{registry}/apis/ccompat/v7",
        )


@contextmanager
def empty_database(server: str, name: str, template: str = "template1") -> Iterator[str]:
    """A database of that name on the server `server` (a URL) leads to: its URL, dropped at the end."""
    with psycopg.connect(server, autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        head, _, query = server.partition("?")
        yield head.rpartition("/")[0] + "/" + name + (f"?{query}" if query else "")
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
