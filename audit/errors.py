"""What keeps an audit from being done: nothing can be said then, neither good nor bad."""

from __future__ import annotations


class NotAudited(Exception):
    """The audit could not be done. `str()` is the whole explanation, in four parts."""

    def __init__(self, what: str, *, known: str, do: str) -> None:
        super().__init__(what)
        self.what = what
        self.known = known
        self.do = do

    def __str__(self) -> str:
        safe = "an audit only reads: nothing was changed, and nothing is said about what it did not read"
        parts = (("known", self.known), ("safe", safe), ("do", self.do))
        lines = [f"  {name:<9}{text.replace(chr(10), chr(10) + ' ' * 11)}" for name, text in parts]
        return "\n".join([f"ordergate: the audit could not be done: {self.what}.", *lines])
