"""Finding orders by what people call them: order_id, the start of one, or the source's own id or number."""

from __future__ import annotations

import re
from typing import NamedTuple

from ingest.cli.errors import NotFound
from ingest.database.connection import Connection

_ZERO = "0" * 32


class FoundOrder(NamedTuple):
    """An order's current state, as its row tells it."""

    order_id: str
    source: str
    source_account: str
    source_order_id: str
    source_order_number: str | None
    canonical_version: int
    order_status: str
    payment_status: str
    fulfilment_status: str
    state: bytes


_COLUMNS = (
    "SELECT order_id::text, source, source_account, source_order_id, source_order_number, canonical_version, "
    "order_status, payment_status, fulfilment_status, state FROM orders WHERE "
)
_BY_ID = _COLUMNS + "order_id BETWEEN %s::uuid AND %s::uuid ORDER BY order_id LIMIT 20"
_BY_NAME = _COLUMNS + "source_order_id = %s OR source_order_number = %s ORDER BY source, source_account LIMIT 20"
_EVENTS = (
    "SELECT DISTINCT order_id::text FROM outcomes WHERE order_id BETWEEN %s::uuid AND %s::uuid ORDER BY 1 LIMIT 20"
)
_BY_KEY = """
SELECT order_id::text FROM quarantine WHERE key = %(key)s AND order_id IS NOT NULL
UNION SELECT order_id::text FROM parked WHERE key = %(key)s ORDER BY 1 LIMIT 20
"""


def find(connection: Connection, text: str) -> list[FoundOrder]:
    """The orders that `text` may mean; an order_id may be cut to its first eight or more digits."""
    found = [FoundOrder(*row) for row in connection.execute(_BY_NAME, (text, text))]
    bounds = _bounds(text)
    if bounds is not None:
        found += [FoundOrder(*row) for row in connection.execute(_BY_ID, bounds)]
    return found


def ids(connection: Connection, text: str) -> list[str]:
    """The order_ids that `text` may mean, also of orders never governed. Raises NotFound."""
    found = {order.order_id for order in find(connection, text)}
    bounds = _bounds(text)
    if bounds is not None:
        found |= {row[0] for row in connection.execute(_EVENTS, bounds)}
    if not found:
        # Last, as it reads all that is kept: of an order never governed, only its events' key tells its name.
        found = {row[0] for row in connection.execute(_BY_KEY, {"key": text.encode()})}
    if not found:
        raise NotFound(
            f"no order is known as {text}",
            known="looked for an order_id (eight digits of it do), a source's order id, and its number; "
            "among events that wait or were refused, for the key they were published with",
            do="`ordergate outcomes` lists events with the order_id of each",
        )
    return sorted(found)


def _bounds(text: str) -> tuple[str, str] | None:
    """The least and the greatest order_id that start like this."""
    digits = text.replace("-", "").lower()
    if not re.fullmatch(r"[0-9a-f]{8,32}", digits):
        return None
    return digits + _ZERO[len(digits) :], digits + "f" * (32 - len(digits))
