"""A virtual environment for each peer whose packages are not the project's: made once, from its own lock."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from bench import ROOT
from bench.peers.candidates import Candidate
from deploy.local.report import Report

_FOLDER = ROOT / ".run" / "peers"


class PackagesMissing(Exception):
    """A peer's packages cannot be installed here. The message has the end of what pip said."""


def python_of(candidate: Candidate, report: Report) -> str:
    """The interpreter to run a candidate with; makes its environment when needed. Raises PackagesMissing."""
    if not candidate.packages:
        return sys.executable
    lock = requirements(candidate.packages)
    folder = _FOLDER / candidate.packages
    stamp = folder / "packages.stamp"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    python = str(folder / "bin" / "python")
    if not stamp.exists() or stamp.read_text() != wanted:
        report(f"installing {lock.name} into {folder.relative_to(ROOT)}")
        _run(candidate.title, sys.executable, "-m", "venv", "--clear", str(folder))
        _run(
            candidate.title, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
            "--only-binary", ":all:", "-r", str(lock),
        )  # fmt: skip
        stamp.write_text(wanted)
    return python


def requirements(packages: str) -> Path:
    """The lock of a peer's environment."""
    return Path(__file__).with_name(f"requirements-{packages}.txt")


def versions(packages: str) -> dict[str, str]:
    """What is locked there: version by package."""
    lines = requirements(packages).read_text().split()
    return {name: version for name, _, version in (line.partition("==") for line in lines)}


def _run(title: str, *command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- constant words and our paths
    if done.returncode != 0:
        raise PackagesMissing(f"{title}: {(done.stdout + done.stderr)[-1500:]}")
