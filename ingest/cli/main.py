"""The entry of `ordergate`: what goes wrong is told in words, with an exit code that a script can rely on.

Exit codes: 0 done; 1 done, and what was looked at is not in order; 2 not done, with the reason on standard
error; 70 the watchdog ended a worker; 130 Ctrl-C.
"""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

NOT_DONE = 2


class Commands(TyperGroup):
    """The commands; an error that a person can act on is told without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            told = explanation(error)
            if told is None:
                raise
            typer.echo(told, err=True)
            raise typer.Exit(NOT_DONE) from error


def explanation(error: BaseException) -> str | None:
    """What to tell a person about an error, None when it is a fault of the program."""
    from ingest.errors import OrdergateError

    if isinstance(error, OrdergateError):
        return str(error)
    # Only a module that was loaded can have raised one of these.
    for module, name in (
        ("deploy.local.errors", "LocalStackError"),
        ("quality.contract", "ContractError"),
        ("consumers.catalogue", "UnknownChannelError"),
        ("audit.errors", "NotAudited"),
    ):
        known = getattr(sys.modules.get(module), name, None)
        if known is not None and isinstance(error, known):
            text = str(error)
            return text if text.startswith("ordergate: ") else f"ordergate: {text}"
    return None


def main() -> None:
    """Run the command line."""
    from ingest.cli.commands import app

    app(prog_name="ordergate")
