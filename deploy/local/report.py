"""How the stack speaks to the person who waits for it."""

from collections.abc import Callable

Report = Callable[[str], None]
"""Takes one line of progress, without a line end; called from one thread at a time.

What a report raises ends the work it reports on: that is how long work is given up.
"""


def silent(_line: str) -> None:
    """A report nobody reads."""
