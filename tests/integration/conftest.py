"""A fresh deployment on the running stack for each test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Endpoints
from tests.integration.deployment import Deployment


@pytest.fixture
def deployment(stack: Endpoints, database_url: str, tmp_path: Path) -> Iterator[Deployment]:
    """Fresh topics, an empty database, a consumer group of its own; its workers end with the test."""
    made = Deployment(stack, database_url, tmp_path, f"test-{secrets.token_hex(4)}")
    made.prepare()
    try:
        yield made
    finally:
        made.close()
