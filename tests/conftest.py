"""What every test may ask for: a running stack, an empty database, a prefix for topics of its own."""

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.local.stack import Endpoints, Stack
from tests.stack import CHOICE, docker_stack, empty_database, local_stack


@pytest.fixture(scope="session")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack of this test session itself, for tests that stop, start or kill its parts and put them back."""
    if os.environ.get(CHOICE, "local") != "local":
        pytest.skip("faults are tested on the local stack, whose processes the test can reach")
    with local_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Where the real Kafka, PostgreSQL and registry of this test session are: one stack for all tests."""
    choice = os.environ.get(CHOICE, "local")
    if choice == "docker":
        with docker_stack(tmp_path_factory.mktemp("docker")) as endpoints:
            yield endpoints
    elif choice == "local":
        running: Stack = request.getfixturevalue("running_stack")
        yield running.up()
    else:
        pytest.fail(f"{CHOICE} is {choice!r}; it may be local or docker")


@pytest.fixture(scope="module")
def new_database(stack: Endpoints) -> Iterator[Callable[[str], str]]:
    """Makes empty databases: call it with a telling name, get the URL; dropped when the module's tests are done."""
    with ExitStack() as made:

        def make(name: str = "test") -> str:
            tidy = re.sub(r"[^a-z0-9]+", "_", name.lower())[:40]
            return made.enter_context(empty_database(stack.database_url, f"{tidy}_{secrets.token_hex(4)}"))

        yield make


@pytest.fixture
def database_url(new_database: Callable[[str], str], request: pytest.FixtureRequest) -> str:
    """An empty database for this test alone."""
    return new_database(request.node.name)


@pytest.fixture
def topic_prefix() -> str:
    """A start of topic names, consumer groups and transactional ids that no other test uses."""
    return f"t{secrets.token_hex(4)}."
