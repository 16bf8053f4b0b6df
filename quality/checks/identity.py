"""Whether an order says which one it is, and is one for us."""

from __future__ import annotations

import re
from typing import Final

from quality.checks import Broken, Limits
from schemas.types import CanonicalOrder

RULES: Final = frozenset(
    {
        "order_id_present",
        "order_id_format",
        "source_order_id_present",
        "channel_known",
        "not_test_order",
    }
)

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}").fullmatch


def check(order: CanonicalOrder, limits: Limits, broken: Broken) -> None:
    """Identifiers, channel, test mark."""
    order_id = order["order_id"]
    if not order_id:
        broken("order_id_present", "order_id", "is empty; expected a UUID version 5")
    elif not _UUID(order_id):
        broken("order_id_format", "order_id", "is not a UUID version 5 in small letters")
    if not order["source_order_id"].strip():
        broken("source_order_id_present", "source_order_id", "is empty; expected the source's own order id")
    source = order["source"]
    if limits.channel is not None and source != limits.channel:
        broken("channel_known", "source", f"is {source!r}; this channel's orders come from {limits.channel!r}")
    if "test" in order["flags"]:
        broken("not_test_order", "flags", "the source marks it as a test order")
