"""Orders decoded lately: what a channel tells of an order comes in bursts, and its state need not be decoded again."""

from __future__ import annotations

from typing import cast

from ingest.state import OrderRow
from schemas.codec import Codec
from schemas.types import CanonicalOrder

MOST_ORDERS = 2_000
"""About 20 KB each, decoded: 40 MB at the most."""


class RecentOrders:
    """The decoded form of stored states, the latest ones remembered.

    An order counts as known only while its stored bytes are the very same: a state that was never committed, or
    that another worker has replaced, is never taken for the stored one.
    """

    def __init__(self, codec: Codec, most: int = MOST_ORDERS) -> None:
        self._codec = codec
        self._most = most
        self._known: dict[str, tuple[bytes, CanonicalOrder]] = {}

    def order_of(self, row: OrderRow) -> CanonicalOrder:
        """A row's order. It is shared: whoever changes something makes a copy."""
        if row.order is None:
            known = self._known.get(row.order_id)
            if known is not None and known[0] == row.state:
                row.order = known[1]
            else:
                row.order = cast("CanonicalOrder", self._codec.decode(row.state)[1])
                self.remember(row.order_id, row.state, row.order)
        return row.order

    def remember(self, order_id: str, state: bytes, order: CanonicalOrder) -> None:
        """Remember what some bytes say; the order that was touched longest ago is forgotten."""
        self._known.pop(order_id, None)
        self._known[order_id] = (state, order)
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]
