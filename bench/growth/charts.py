"""Charts are drawn in a virtual environment of their own: nobody needs matplotlib to run or test Ordergate."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from bench import ROOT
from deploy.local.report import Report

_HERE = Path(__file__).parent
_REQUIREMENTS = _HERE / "requirements.txt"


class ChartsMissing(Exception):
    """The charts could not be drawn. The message has what pip or the drawing said."""


def draw(result: Path, report: Report) -> None:
    """Draw the charts of a result beside it. Raises ChartsMissing."""
    python = _environment(report)
    _run([str(python), "-I", str(_HERE / "draw.py"), str(result)])


def _environment(report: Report) -> Path:
    """The interpreter that has the packages of requirements.txt; made when it is not there yet."""
    home = ROOT / ".run" / "growth-charts"
    python, stamp = home / "bin" / "python", home / "packages.stamp"
    wanted = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()
    if not (stamp.exists() and stamp.read_text() == wanted):
        report("installing what draws the charts (once)")
        shutil.rmtree(home, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(home)])
        pip = [str(python), "-I", "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        _run([*pip, "--no-deps", "--only-binary", ":all:", "-r", str(_REQUIREMENTS)])
        stamp.write_text(wanted)
    return python


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own words
    if done.returncode != 0:
        raise ChartsMissing((done.stderr or done.stdout).strip()[-2000:])
