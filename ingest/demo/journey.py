"""What all journeys share: chance, identifiers, and the buyers who come back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from random import Random
from typing import TypeAlias

from ingest.demo import world
from ingest.demo.records import Draft
from ingest.demo.world import Person, Shop

Journey: TypeAlias = Iterator[tuple[int, Draft]]
"""(due at, event), in the order in which the channel makes them; due times never go back."""

REGULARS_PER_SHOP = 64


class Chance:
    """All randomness of one stream, and the little memory it needs: bounded, whatever the stream's length."""

    __slots__ = ("_number", "_regulars", "draw", "random")

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311  # a demo must be repeatable, not unpredictable
        self.draw = self.random.random
        self._regulars: dict[str, deque[Person]] = {}
        self._number = 0

    def uuid(self) -> str:
        """A version 4 UUID."""
        value = self.random.getrandbits(128) & ~(0xF000 << 64 | 0xC000 << 48) | 4 << 76 | 1 << 63
        digits = f"{value:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def token(self) -> str:
        """Sixteen hexadecimal digits."""
        return f"{self.random.getrandbits(64):016x}"

    def number(self) -> int:
        """The next number of this stream: 1, 2, 3, …"""
        self._number += 1
        return self._number

    def delay(self, least_ms: int, most_ms: int) -> int:
        """So many milliseconds."""
        return least_ms + int(self.draw() * (most_ms - least_ms))

    def buyer(self, shop: Shop) -> Person:
        """Somebody new, or one of the shop's last buyers again."""
        regulars = self._regulars.get(shop.account)
        if regulars is None:
            regulars = self._regulars[shop.account] = deque(maxlen=REGULARS_PER_SHOP)
        if regulars and self.draw() < 0.2:
            return regulars[int(self.draw() * len(regulars))]
        somebody = world.person(self.random, shop.country)
        regulars.append(somebody)
        return somebody
