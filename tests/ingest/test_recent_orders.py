"""A remembered order is only ever what the stored bytes say."""

from __future__ import annotations

from ingest.recent_orders import RecentOrders
from ingest.state import Carrier, OrderRow
from mappers.candidate import Clock
from tests.ingest.pipeline_harness import Log
from tests.integration.records import shopify, shopify_order


def rows(count: int) -> tuple[Log, list[OrderRow]]:
    log = Log()
    log.take([shopify(shopify_order(number), "orders/create") for number in range(1, count + 1)])
    return log, list(log.state.orders.values())


def stored(row: OrderRow) -> OrderRow:
    """The row as the database gives it back."""
    return OrderRow(
        row.order_id, row.source, row.source_account, row.source_order_id, row.source_order_number,
        row.canonical_version, Clock(0, 0), b"", "", "", "", row.state, Carrier("t", 0, 1),
    )  # fmt: skip


def test_an_order_is_what_its_bytes_say_remembered_or_not():
    """Whether the memory helps or not, the decision sees the same order."""
    log, (row,) = rows(1)
    memory = RecentOrders(log.codec)
    first, again = memory.order_of(stored(row)), memory.order_of(stored(row))
    assert first is again and first == log.codec.decode(row.state)[1] == row.order


def test_a_state_that_another_worker_replaced_is_not_taken_from_memory():
    """Other bytes under the same id are decoded, whatever was remembered."""
    log, (one, other) = rows(2)
    memory = RecentOrders(log.codec)
    memory.order_of(stored(one))
    replaced = stored(one)
    replaced.state = other.state
    assert memory.order_of(replaced)["order_id"] == other.order_id


def test_memory_is_bounded():
    """However many orders pass, no more than the bound are held."""
    log, several = rows(5)
    memory = RecentOrders(log.codec, most=3)
    first = [memory.order_of(stored(row)) for row in several]
    assert [memory.order_of(stored(row)) is order for row, order in zip(several, first, strict=True)][:1] == [False]
    assert memory.order_of(stored(several[-1])) == first[-1]
