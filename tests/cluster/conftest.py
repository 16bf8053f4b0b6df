"""A cluster of three Kafka nodes beside the stack's database and registry, and fresh deployments on it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import KAFKA_VARIABLE, Endpoints, Stack
from tests.cluster.cluster import Cluster, at_once
from tests.integration.deployment import TOPICS, Deployment
from tests.stack import own_folder, remove_stack


def _remove(folder: Path) -> None:
    Cluster(folder).remove()
    remove_stack(folder.with_name(f"{folder.name}-stack"))


@pytest.fixture(scope="package")
def running_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The nodes of all tests of this folder."""
    with own_folder(tmp_path_factory.getbasetemp().parent / "ordergate-clusters", _remove) as folder:
        made = Cluster(folder)
        made.up()
        yield made


@pytest.fixture(scope="package")
def stack(running_cluster: Cluster) -> Endpoints:
    """The cluster with a database and a registry of its own."""
    folder = running_cluster.folder
    beside = Stack(folder.with_name(f"{folder.name}-stack"), environment={KAFKA_VARIABLE: running_cluster.servers})
    return beside.up()


@pytest.fixture
def cluster(running_cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, whole; a test may end its nodes."""
    yield running_cluster
    at_once(node.start for node in running_cluster.nodes.values())
    running_cluster.wait_whole()


@pytest.fixture
def deployment(cluster: Cluster, stack: Endpoints, database_url: str, tmp_path: Path) -> Iterator[Deployment]:
    """Fresh topics, an empty database, a consumer group of its own; its workers end with the test."""
    made = Deployment(stack, database_url, tmp_path, f"test-{secrets.token_hex(4)}")
    cluster.forget(TOPICS)
    made.prepare()
    cluster.wait_known(TOPICS)
    try:
        yield made
    finally:
        made.close()
