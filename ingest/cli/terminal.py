"""What a command says: facts to standard output, for people or as JSON lines; the rest to standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from rich.theme import Theme

_WIDTH_ELSEWHERE = 110
_THEME = Theme(
    {
        "good": "green",
        "doubtful": "yellow",
        "bad": "bold red",
        "label": "cyan",
        "quiet": "dim",
    }
)


def say(line: str) -> None:
    """One line beside the facts: progress, or which stack is used."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def emit(fact: Mapping[str, Any]) -> None:
    """One fact as one line of JSON."""
    sys.stdout.buffer.write(orjson.dumps(fact, option=orjson.OPT_APPEND_NEWLINE))


def console() -> Console:
    """Standard output for people. A pipe or a file gets plain text of a fixed width."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH_ELSEWHERE
    return Console(file=sys.stdout, theme=_THEME, highlight=False, emoji=False, markup=True, width=width)


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table without ruling; the columns named in `right` hold numbers."""
    made = Table(box=None, pad_edge=False, header_style="label", padding=(0, 2, 0, 0))
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return made
