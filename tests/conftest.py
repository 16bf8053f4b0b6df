"""What every test may ask for: a running stack, an empty database, a prefix for topics of its own."""

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from deploy.local.stack import Endpoints, Stack
from tests.stack import CHOICE, docker_stack, empty_database, local_stack


@pytest.fixture(scope="session")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack of this test session, for tests that stop or kill its parts and start them again."""
    if os.environ.get(CHOICE, "local") != "local":
        pytest.skip("faults are tested on the local stack, whose processes the test can reach")
    # Beside pytest's own folders: those go away after some sessions, and with them all traces of a process.
    own = tmp_path_factory.getbasetemp()
    is_one_of_several = "PYTEST_XDIST_WORKER" in os.environ
    with local_stack((own.parent if is_one_of_several else own).parent / "ordergate-stacks") as running:
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
    """Makes empty databases: call it with a telling name, get the URL; dropped after the module's tests."""
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
