"""How the stack speaks to the person who waits for it."""

from collections.abc import Callable

Report = Callable[[str], None]
"""Takes one line of progress, without a line end. Called from one thread at a time."""


def silent(_line: str) -> None:
    """A report nobody reads."""
