"""A guest becomes a customer: what a new account may take along on the evidence of its session (E1).

E1 is possession of the session that placed the orders. It reaches that session's guest orders and no others:
not those of the same e-mail address, which anyone can type, nor those of the same phone number, which is
passed on to others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from schemas import identifiers
from schemas.types import CanonicalOrder, MergedOrder, SkippedOrder


def ineligible_orders(orders: Iterable[CanonicalOrder]) -> dict[str, str]:
    """The reason (`owned`, `disputed`) of each order that no merge may take, by order id."""
    reasons = {}
    for order in orders:
        customer = order["customer"]
        if customer["customer_id"] is not None or customer["kind"] in ("MEMBER", "BUSINESS"):
            reasons[order["order_id"]] = "owned"
        elif any(adjustment["kind"] == "DISPUTE" for adjustment in order["adjustments"]):
            reasons[order["order_id"]] = "disputed"
    return reasons


def conversion_id(session_id: str, customer_id: str) -> str:
    """The id of the session's conversion into this account: the same at every replay."""
    return identifiers.derived("conversion", session_id, customer_id)


def merge_id(conversion: str, digest: str) -> str:
    """The id of one merge: the same for the same orders of the same conversion."""
    return identifiers.derived("merge", conversion, digest)


def divided(order_ids: Iterable[str], ineligible: Mapping[str, str]) -> tuple[list[MergedOrder], list[SkippedOrder]]:
    """The session's orders, divided into those the account takes and those it does not, each by order id.

    `cutoff_ok`: the order was known before the account was created (S12), which holds for all that are in the
    session.
    """
    merged: list[MergedOrder] = []
    skipped: list[SkippedOrder] = []
    for order_id in sorted(order_ids):
        reason = ineligible.get(order_id)
        if reason is None:
            merged.append({"order_id": order_id, "prev_owner": None, "cutoff_ok": True})
        else:
            skipped.append({"order_id": order_id, "reason": reason})
    return merged, skipped


def digest(customer_id: str, merged: Iterable[MergedOrder]) -> str:
    """SHA-256 over the account and the orders it takes: a merge applied twice shows it twice (S14)."""
    text = "\n".join([customer_id, *sorted(order["order_id"] for order in merged)])
    return hashlib.sha256(text.encode()).hexdigest()
