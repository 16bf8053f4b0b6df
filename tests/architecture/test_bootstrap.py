"""What `make` says on a machine that is not ready, and what becomes of a half-made environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .tree import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a space in its path and no virtual environment."""
    folder = tmp_path / "a checkout"
    (folder / "deploy").mkdir(parents=True)
    for name in ("deploy/bootstrap.sh", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def bootstrap(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs it with no package index in reach."""
    return subprocess.run(
        ["sh", "deploy/bootstrap.sh"],
        cwd=checkout,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(checkout),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
        }
        | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def interpreter(folder: Path, name: str, script: str) -> str:
    """A stand-in for a Python that this machine does not have."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_an_old_python_is_named_with_what_to_do(checkout):
    """Somebody with an old Python learns which version is needed, and that another one can be named."""
    said = bootstrap(checkout, PYTHON=interpreter(checkout, "python3.9", "exit 1"))
    assert said.returncode != 0
    assert "no Python 3.11 or newer was found, only older ones" in said.stderr
    assert "make PYTHON=" in said.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_without_venv_is_named_with_the_package_to_install(checkout, tmp_path):
    """On Debian and Ubuntu venv is a package of its own; the message names it."""
    without_venv = 'case "$2" in *ensurepip*) exit 1;; esac'
    said = bootstrap(checkout, PYTHON=interpreter(tmp_path, "python3.12", without_venv))
    assert said.returncode != 0
    assert "apt-get install python3-venv" in said.stderr


def test_without_a_network_it_says_so_and_the_half_made_environment_is_not_trusted(checkout):
    """After a failure the next start makes everything anew, and never runs with half of the packages."""
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "left over").touch()
    said = bootstrap(checkout, PYTHON=sys.executable)
    assert said.returncode != 0
    assert "is the network there" in said.stderr
    assert "No matching distribution found" in said.stderr, "pip's own words are shown"
    assert not (checkout / ".venv" / "left over").exists()
    assert not list((checkout / ".venv").glob("*.stamp"))
