"""The arguments that every peer's process takes."""

from __future__ import annotations

import argparse
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arguments:
    """Where a peer reads, where it writes, and under which name."""

    servers: str
    registry: str
    source: str
    target: str
    group: str
    """Consumer group, and what its transactional id is made of."""
    options: dict[str, str]
    """What differs between variants of one peer."""


def parse(description: str | None) -> Arguments:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=description)
    for name in ("servers", "registry", "source", "target", "group"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--option", action="append", default=[], help="name=value")
    given = parser.parse_args()
    options = dict(option.split("=", 1) for option in given.option)
    return Arguments(given.servers, given.registry, given.source, given.target, given.group, options)
