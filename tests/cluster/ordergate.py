"""Commands, run as an operator does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests.integration.deployment import ROOT, Deployment


def ordergate(deployment: Deployment, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    return subprocess.run(
        [sys.executable, "-m", "ingest.cli", *arguments],
        cwd=ROOT, env={**os.environ, **deployment.environment},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def told(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The JSON lines that it printed."""
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
