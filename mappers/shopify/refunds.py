"""Refunds: money returned, goods returned, items cancelled. Shopify has one resource for the three."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from mappers.candidate import Defect
from mappers.shopify import payload as shopify
from mappers.shopify.amounts import Amounts
from mappers.shopify.lines import is_tip
from mappers.shopify.payments import amount_of, settled_at, state_of
from schemas import identifiers
from schemas.types import AdjustedLine, Adjustment, AdjustmentKind, AdjustmentState, PaymentState

_NOTHING: Final[Mapping[str, int]] = {}


class RefundError(Exception):
    """A refund that cannot be joined to its order: `path` is where inside the refund."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message

    def defect(self, prefix: str) -> Defect:
        """The defect of the event whose refund stands at the prefix."""
        return Defect("payload_shape", prefix + self.path, self.message)


class _Returned(NamedTuple):
    """The refund's money in minor units, how far it has come, and the states of all its transactions."""

    status: AdjustmentState
    minor: int
    states: list[PaymentState]


class _Goods(NamedTuple):
    """A refunded line, and whether its units were never shipped and now never will be."""

    line: AdjustedLine
    cancelled: bool


def adjustments_of(
    refund: shopify.Refund,
    order_id: str,
    amounts: Amounts,
    otherwise_at: int,
    shipped: Mapping[str, int] = _NOTHING,
) -> list[Adjustment]:
    """A refund's money with the lines it was for, and apart from it the units that it cancelled.

    The money is the sum of the refund's successful transactions; while all of them are pending, theirs. A
    refund whose every line came back is a RETURN. A tip paid back is money and no line. Cancelled units are an
    adjustment of their own, without money, named `<refund id>/cancelled`: they change what is to be shipped,
    whatever was paid back.
    Which adjustments there are follows from the refund alone, so that the same refund told by itself and by
    its order is joined part by part. `shipped` is how many units of each line had left when the refund was
    made, as far as is known. `otherwise_at` is the instant of a refund that has none itself. Raises
    RefundError.
    """
    at = refund.get("processed_at") or refund.get("created_at")
    status, minor, states = _money(refund, amounts)
    goods = [
        _goods(item, _line_of(item, index), order_id, refund, amounts, shipped)
        for index, item in enumerate(refund.get("refund_line_items") or ())
        if not is_tip(item.get("line_item") or {})
    ]
    kept = [part.line for part in goods if not part.cancelled]
    cancelled = [part.line for part in goods if part.cancelled]
    kind: AdjustmentKind = "REFUND"
    if kept and not cancelled and all(line["returned"] for line in kept):
        kind = "RETURN"
    reason = refund.get("note") or next(filter(None, map(_reason, refund.get("order_adjustments") or ())), None)
    instant = otherwise_at if at is None else at
    adjustments: list[Adjustment] = []
    if minor or kept or not cancelled:
        adjustments.append(
            {
                "adjustment_id": refund["id"],
                "kind": kind,
                "status": status,
                "reason": reason,
                "lines": kept,
                "amount": amounts.of(minor),
                "at": at,
                "updated_at": settled_at(instant, states),
            }
        )
    if cancelled:
        adjustments.append(
            {
                "adjustment_id": f"{refund['id']}/cancelled",
                "kind": "CANCELLATION",
                "status": "COMPLETED",
                "reason": reason,
                "lines": cancelled,
                "amount": amounts.of(0),
                "at": at,
                "updated_at": settled_at(instant, ()),
            }
        )
    return adjustments


def _reason(adjustment: shopify.OrderAdjustment) -> str | None:
    return adjustment.get("reason") or adjustment.get("kind")


def _money(refund: shopify.Refund, amounts: Amounts) -> _Returned:
    """The money of its transactions. A `void` gives up an authorisation: no money is returned by it."""
    moved: dict[PaymentState, list[tuple[str | None, str | None]]] = {}
    seen: list[PaymentState] = []
    for index, transaction in enumerate(refund.get("transactions") or ()):
        if (transaction.get("kind") or "refund").lower() != "refund":
            continue
        state = state_of(transaction)
        amount = amount_of(transaction)
        if amounts.in_shop_currency(amount) is None:
            raise RefundError(
                f"transactions[{index}].currency",
                "a refund in another currency than the shop's, and no money pair tells the rate",
            )
        seen.append(state)
        moved.setdefault(state, []).append(amount)

    def together(state: PaymentState) -> int:
        return amounts.in_shop_currency(*moved.get(state, ())) or 0

    if not seen or "SUCCEEDED" in seen:
        return _Returned("COMPLETED", together("SUCCEEDED"), seen)
    if "PENDING" in seen:
        return _Returned("PENDING", together("PENDING"), seen)
    return _Returned("FAILED" if "FAILED" in seen else "UNKNOWN", together("FAILED"), seen)


def _goods(
    item: shopify.RefundLineItem,
    native: str,
    order_id: str,
    refund: shopify.Refund,
    amounts: Amounts,
    shipped: Mapping[str, int],
) -> _Goods:
    """What became of the goods, as far as `restock_type` tells.

    `return` came back; `cancel` was not fulfilled and will not be; `no_restock` says nothing of the goods
    (https://shopify.dev/docs/api/admin-rest/latest/resources/refund): that, the order's own quantities
    decide, see cancelled_units.py. `legacy_restock` (and `restock: true`, before 2018) says only that they
    are in stock again: shipped ones came back.
    """
    word = (item.get("restock_type") or "").lower()
    returned = word == "return"
    if word == "legacy_restock" or (not word and refund.get("restock") is True):
        returned = shipped.get(native, 0) >= item["quantity"]
    line: AdjustedLine = {
        "line_id": identifiers.line_id(order_id, native),
        "source_line_id": native,
        "quantity": item["quantity"],
        "returned": returned,
        "amount": amounts.of(_line_amount(item, amounts)),
    }
    return _Goods(line, word == "cancel")


def _line_of(item: shopify.RefundLineItem, index: int) -> str:
    native = item.get("line_item_id") or (item.get("line_item") or {}).get("id")
    if native is None:
        raise RefundError(f"refund_line_items[{index}].line_item_id", "line_item_id is missing")
    return native


def _line_amount(item: shopify.RefundLineItem, amounts: Amounts) -> int:
    """`subtotal` of the refunded units; before 2018 their price less their share of the line's discount."""
    pair, subtotal, line = item.get("subtotal_set"), item.get("subtotal"), item.get("line_item")
    if pair is not None:
        return amounts.in_pair(pair)
    if subtotal or line is None:
        return amounts.minor[subtotal]
    refunded, ordered = item["quantity"], line.get("quantity")
    discount = sum([amounts.minor[part["amount"]] for part in line.get("discount_allocations") or ()])
    discount = discount or amounts.minor[line.get("total_discount")]
    return amounts.minor[line.get("price")] * refunded - (discount * refunded // ordered if ordered else 0)
