"""The join of what is known of an order with what arrives: the newest snapshot and the union of its parts.

A join is idempotent, commutative and associative, so any permutation and repetition of an order's events ends
in the same state. Parts (payments, fulfilments, adjustments) are kept by id, each as last modified.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import orjson

from mappers.candidate import PartialChange
from schemas.types import CanonicalOrder

_PARTS = (("payments", "payment_id"), ("fulfilments", "fulfilment_id"), ("adjustments", "adjustment_id"))


def join_parts(base: CanonicalOrder, other: CanonicalOrder | PartialChange) -> CanonicalOrder:
    """`base` with the parts of `other` joined in: a new order if that changes it, else `base` itself."""
    changed: dict[str, Any] = {}
    for name, identity in _PARTS:
        arriving = getattr(other, name) if isinstance(other, PartialChange) else other[name]  # type: ignore[literal-required]  # names from the table above
        known = base[name]  # type: ignore[literal-required]  # names from the table above
        # Joined with itself, a list is sorted and its repetitions are dropped: one part alone has neither.
        if arriving and (arriving != known if arriving is not known else len(known) > 1):
            joined = _union(known, arriving, identity)
            if joined != known:
                changed[name] = joined
    return cast("CanonicalOrder", {**base, **changed}) if changed else base


def _union(known: Sequence[Any], arriving: Sequence[Any], identity: str) -> list[Any]:
    parts = {part[identity]: part for part in known}
    for part in arriving:
        other = parts.get(part[identity])
        if other is None or (other is not part and _is_newer(part, other)):
            parts[part[identity]] = part
    return sorted(parts.values(), key=lambda part: (part["updated_at"], part[identity]))


def _is_newer(part: Any, other: Any) -> bool:
    if part["updated_at"] != other["updated_at"]:
        return bool(part["updated_at"] > other["updated_at"])
    return part != other and _canonical(part) > _canonical(other)


def _canonical(part: Any) -> bytes:
    return orjson.dumps(part, option=orjson.OPT_SORT_KEYS)
