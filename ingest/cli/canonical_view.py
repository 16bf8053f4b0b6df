"""Canonical orders, partial changes and guest events for people. Contacts are masked, names left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from mappers.candidate import CheckoutFact, PartialChange
from quality.outcome import Outcome
from schemas import instants, money
from schemas.types import CanonicalOrder, Contact, Line, Money

OUTCOME_STYLES: Final = {
    Outcome.GOVERNED: "good",
    Outcome.HELD: "doubtful",
    Outcome.PARKED: "doubtful",
    Outcome.QUARANTINED: "bad",
    Outcome.DUPLICATE: "quiet",
    Outcome.STALE: "quiet",
    Outcome.IGNORED: "quiet",
}

_SUMS: Final = (
    ("discount", "-"),
    ("shipping", "+"),
    ("tax", "+"),
    ("fees", "+"),
    ("tip", "+"),
)
_MOST_LINES: Final = 10


def show_order(out: Console, order: CanonicalOrder) -> None:
    """An order: who, when, statuses, money, lines."""
    number = f" ({order['source_order_number']})" if order["source_order_number"] else ""
    version = f", version {order['canonical_version']}" if order["canonical_version"] else ""
    _row(out, "order", f"{order['source_order_id']}{number} of {order['source']}/{order['source_account']}")
    _row(out, "", f"{order['order_id']}{version}, placed {instants.to_text(order['placed_at'])}")
    native = ", ".join(f"{axis} {value}" for axis, value in order["source_status"].items())
    statuses = f"{order['order_status']} · {order['payment_status']} · {order['fulfilment_status']}"
    _row(out, "status", statuses)
    if native:
        _row(out, "", f"the source says: {native}")
    if order["hold_reason"]:
        _row(out, "hold", f"{order['hold_reason']}: {order['hold_reason_text'] or ''}")
    customer = order["customer"]
    _row(out, "buyer", ", ".join([customer["kind"], *_contact(order["contact"])]))
    address = order["shipping_address"] or order["billing_address"]
    if address is not None:
        place = " ".join(filter(None, (address["country"], address["postal_code"])))
        _row(out, "goes to", place or "unknown")
    _money(out, order)
    for at, line in enumerate(order["lines"][:_MOST_LINES]):
        _row(out, "lines" if at == 0 else "", _line(line))
    if len(order["lines"]) > _MOST_LINES:
        _row(out, "", f"… and {len(order['lines']) - _MOST_LINES} more")
    for name in ("payments", "fulfilments", "adjustments"):
        _parts(out, name, order)


def show_partial_change(out: Console, change: PartialChange) -> None:
    """A refund, fulfilment or payment that came alone."""
    _row(out, "order", f"{change.source_order_id} of {change.source}/{change.source_account}")
    _row(out, "", f"{change.order_id}, happened {instants.to_text(change.occurred_at)}")
    for name in ("payments", "fulfilments", "adjustments"):
        _parts(out, name, {name: getattr(change, name)})


def show_checkout_fact(out: Console, fact: CheckoutFact) -> None:
    """A step of a guest's checkout."""
    _row(out, "session", f"{fact.session_ref} of {fact.channel}/{fact.source_account}, {fact.step.value}")
    _row(out, "", f"happened {instants.to_text(fact.occurred_at)}")
    if fact.contact is not None:
        _row(out, "contact", ", ".join(_contact(fact.contact)) or "none usable")
    if fact.amount is not None:
        _row(out, "money", amount(fact.amount))


def show_guest_event(out: Console, record: str, value: Mapping[str, Any]) -> None:
    """An event of a guest's stream: keyed hashes and ids only."""
    _row(out, "publishes", f"{record} of guest {value['guest_id']}, version {value['guest_version']}")


def amount(of: Money) -> str:
    """`12.50 EUR`."""
    return f"{money.to_text(of)} {of['currency']}"


def masked_email(address: str) -> str:
    """The first letter and the domain."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}" if local else "***"


def masked_phone(number: str) -> str:
    """The last two digits."""
    return f"***{number[-2:]}"


def _row(out: Console, label: str, text: str) -> None:
    out.print(f"  [label]{label:<11}[/] {escape(text)}", soft_wrap=True)


def _contact(contact: Contact) -> Iterable[str]:
    email = contact["email_norm"] or contact["email_raw"]
    phone = contact["phone_e164"] or contact["phone_raw"]
    if email:
        yield f"e-mail {masked_email(email)}{'' if contact['email_hash'] else ' (not usable)'}"
    if phone:
        yield f"phone {masked_phone(phone)}{'' if contact['phone_hash'] else ' (not usable)'}"


def _money(out: Console, order: CanonicalOrder) -> None:
    totals: Mapping[str, Any] = order["totals"]
    words = [f"items {money.to_text(totals['items_gross'])}"]
    within = ""
    for name, sign in _SUMS:
        if name == "tax" and order["prices_include_tax"]:
            within = f"   (tax {money.to_text(totals[name])} within)"
        elif totals[name]["amount_minor"]:
            words.append(f"{sign} {name} {money.to_text(totals[name])}")
    _row(out, "money", " ".join([*words, f"= total {amount(totals['total_original'])}{within}"]))
    if totals["total_current"] != totals["total_original"]:
        _row(out, "", f"after changes {amount(totals['total_current'])}")
    paid = [
        f"{name} {money.to_text(totals[name])}"
        for name in ("authorised", "captured", "refunded", "gift_card", "net_due")
        if totals[name] is not None and (totals[name]["amount_minor"] or name == "captured")
    ]
    if paid:
        _row(out, "", ", ".join(paid))


def _line(line: Line) -> str:
    quantity = line["quantity"]
    name = " ".join(filter(None, (line["sku"], line["title"])))
    price = f"{money.to_text(line['unit_price'])}, total {money.to_text(line['total'])}"
    count = scaled(quantity["ordered"], quantity["scale"])
    told = "" if line["line_status"] in ("UNKNOWN", "PROCESSING") else f", {line['line_status'].lower()}"
    return f"{count} x {name or line['source_line_id']} at {price}{told}"


def scaled(value: int, decimals: int) -> str:
    """A scaled integer as decimal text."""
    return money.to_text({"amount_minor": value, "currency": "", "exponent": decimals})


def _parts(out: Console, name: str, order: Mapping[str, Any]) -> None:
    described = {"payments": _payment, "fulfilments": _fulfilment, "adjustments": _adjustment}[name]
    for at, part in enumerate(order[name]):
        _row(out, name if at == 0 else "", described(part))


def _payment(part: Mapping[str, Any]) -> str:
    return f"{part['kind']} {part['status'].lower()}, {amount(part['amount'])}, {part['method'].lower()}"


def _fulfilment(part: Mapping[str, Any]) -> str:
    carrier = f", {part['carrier']}" if part["carrier"] else ""
    return f"{part['type']} {part['status'].lower()}, {len(part['items'])} lines{carrier}"


def _adjustment(part: Mapping[str, Any]) -> str:
    lines = f", {len(part['lines'])} lines" if part["lines"] else ""
    reason = f" ({part['reason']})" if part["reason"] else ""
    return f"{part['kind']} {part['status'].lower()}, {amount(part['amount'])}{lines}{reason}"
