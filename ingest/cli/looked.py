"""What `ordergate check` says of one thing that it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How safe something is to run on."""

    OK = "ok"
    WARN = "warn"
    UNSAFE = "unsafe"


@dataclass(frozen=True, slots=True)
class Looked:
    """One thing looked at: what was found, and for what is not ok, why it matters and what to do."""

    area: str
    subject: str
    verdict: Verdict
    found: str
    why: str = ""
    do: str = ""


def judged(area: str, subject: str, found: str, verdict: Verdict, why: str, do: str) -> Looked:
    """One thing: what is in order needs no reason and no remedy."""
    if verdict is Verdict.OK:
        return Looked(area, subject, verdict, found)
    return Looked(area, subject, verdict, found, why, do)


def unless(safe: object) -> Verdict:
    """UNSAFE, unless it is safe."""
    return Verdict.OK if safe else Verdict.UNSAFE
