"""What Kafka's compaction may have forgotten, and what only a loss explains.

The cleaner leaves one record of a key, the newest, below the offset that it has come to, and every record above (Kafka
documentation, "Log Compaction"). So only the oldest versions of a key are ever forgotten, and what is left is
contiguous. And where two records of one key are both there, the cleaner has not come to the second of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from audit.evidence import ByKey
from audit.topics import Role

_NEVER: Final = 1 << 63
Row = tuple[int, bytes, int, int, int, int, bytes]
"""The fields of `ByKey`: role, key, partition, offset, version, cause, identity."""


class _Pair(NamedTuple):
    """The offsets of two records of one key: the second is where the cleaner has not come to."""

    first: int
    second: int


class Compaction:
    """What is known of the cleaner in the partitions of compacted topics."""

    def __init__(self, by_key: Iterable[Row], roles: frozenset[Role]) -> None:
        """`by_key` sorted by role, key, partition and offset."""
        self._roles = roles
        self._pairs: dict[tuple[int, int], _Pair] = {}
        before: Row = (-1, b"", 0, 0, 0, 0, b"")
        for row in by_key if roles else ():
            role, key, partition, offset = row[:4]
            if key == before[1] and partition == before[2] and role == before[0] and role in roles:
                known = self._pairs.get((role, partition))
                if known is None or offset < known.second:
                    self._pairs[role, partition] = _Pair(before[3], offset)
            before = row

    def forgets(self, role: Role) -> bool:
        """Whether a topic is compacted at all."""
        return role in self._roles

    def may_have_forgotten_before(self, first: ByKey) -> bool:
        """Whether versions before this one, the first of its key, may be forgotten."""
        if first.role not in self._roles:
            return False
        pair = self._pairs.get((first.role, first.partition))
        return pair is None or first.offset < pair.second

    def witness(self, role: Role, partition: int) -> int:
        """The offset of a record that goes before anything is forgotten that `may_have_forgotten_before` denies."""
        return self._pairs[role, partition].first
