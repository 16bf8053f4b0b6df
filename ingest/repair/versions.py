"""Which raw event made which version of an order or a guest, as the output topics tell. Pure.

The topic of the orders forgets older versions, as it is compacted. That of their changes keeps each, under an id that
is made of order and version.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Final

from ingest.repair.outputs import Published
from ingest.repair.true_order import Version
from producers.topics import CHANGES, GUESTS
from schemas import identifiers

_MOST_VERSIONS: Final = 100_000
"""No change of a later version is placed, unless that of the version before it was."""


def of_order(order_id: str) -> str:
    """What an order's versions are told by."""
    return f"{CHANGES.name} {order_id}"


def versions(published: Iterable[Published]) -> list[Version]:
    """Every version of an order or a guest among these output records, with its cause."""
    found: list[Version] = []
    newest: dict[str, int] = {}
    for one in published:
        topic, name = one.record
        if topic == GUESTS.name:
            guest, _, number = name.decode().rpartition("/")
            found.append((f"{topic} {guest}", int(number), one.cause))
        elif topic == CHANGES.name and one.key is not None:
            order_id = one.key.decode()
            version = _version(name.decode(), order_id, newest.get(order_id, 0))
            if version is not None:
                newest[order_id] = version
                found.append((of_order(order_id), version, one.cause))
    return found


def _version(change_id: str, order_id: str, newest: int) -> int | None:
    """Which version a change made: most often the one behind the newest so far."""
    candidates = chain((newest + 1,), range(1, _MOST_VERSIONS))
    return next((one for one in candidates if identifiers.change_id(order_id, one) == change_id), None)
