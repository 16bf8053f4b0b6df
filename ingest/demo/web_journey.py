"""One buyer's way through the storefront, from the checkout to the last parcel."""

from __future__ import annotations

from typing import Any

from ingest.demo import basket, moments, world
from ingest.demo.journey import Chance, Journey
from ingest.demo.records import DefectKind, Draft, Mishap
from ingest.demo.web_order import WebOrder
from ingest.demo.world import Shop

_HEADERS = [("content-type", b"application/json")]


class _Teller:
    """Wraps what happens in the envelope of the contract."""

    __slots__ = ("chance", "order", "session", "shop")

    def __init__(self, chance: Chance, shop: Shop, session: str) -> None:
        self.chance, self.shop, self.session = chance, shop, session
        self.order: WebOrder | None = None

    def tell(self, kind: str, at: int, data: dict[str, Any]) -> Draft:
        body = {
            "event_id": self.chance.uuid(),
            "event_type": kind,
            "schema_version": "1",
            "occurred_at": moments.with_millis(at, self.shop.offset_ms, self.shop.offset),
            "store": self.shop.account,
            "session_id": self.session,
            "data": data,
        }
        return Draft("web", kind, self.session, body, [*_HEADERS, ("x-event-type", kind.encode())])

    def tell_order(self, kind: str, at: int, order: WebOrder) -> Draft:
        return self.tell(kind, at, {"order": order.document})


def journey(chance: Chance, at: int) -> Journey:
    """A checkout that starts at that time, and what becomes of it."""
    shop = world.pick(chance.random, world.shops("web"))
    buyer = chance.buyer(shop)
    goods = basket.fill(chance.random, shop)
    member = chance.draw() >= 0.7
    teller = _Teller(chance, shop, f"ses_{chance.token()}")
    checkout_id = f"chk_{chance.token()}"
    customer_id = f"cus_{buyer.phone[-7:]}" if member else None
    whose = {"checkout_id": checkout_id, **({"customer_id": customer_id} if customer_id else {})}
    cart = {"currency": shop.currency, "total": shop.amount(goods.total), "line_count": len(goods.items)}

    yield (
        at,
        teller.tell("checkout.started", at, {**whose, "cart": cart, "step": "contact", "locale": shop.locale}),
    )
    at += chance.delay(5_000, 60_000)
    contact = {**whose, "email": buyer.email, "locale": shop.locale}
    if chance.draw() < 0.6:
        contact["phone"] = buyer.phone
    yield at, teller.tell("contact.captured", at, contact)
    if chance.draw() < 0.4:
        at += chance.delay(5_000, 60_000)
        yield at, teller.tell("checkout.updated", at, {**whose, "cart": cart, "step": "payment"})
    if chance.draw() < 0.15:
        return  # an abandoned checkout
    payment = {
        "method": "card",
        "gateway": "acquirer-one",
        "currency": shop.currency,
        "amount": cart["total"],
    }
    failed: str | None = None
    failed_at = at
    if chance.draw() < 0.12:
        failed = f"pay_{chance.token()}"
        at += chance.delay(5_000, 60_000)
        tried = {**payment, "payment_id": failed}
        yield at, teller.tell("payment.attempted", at, {**whose, "payment": tried})
        at = failed_at = at + chance.delay(1_000, 8_000)
        yield (
            at,
            teller.tell("payment.failed", at, {**whose, "payment": {**tried, "decline_class": "insufficient_funds"}}),
        )
    at += chance.delay(5_000, 60_000)
    authorization = f"pay_{chance.token()}"
    paid = {**payment, "payment_id": authorization}
    yield at, teller.tell("payment.attempted", at, {**whose, "payment": paid})
    at += chance.delay(1_000, 8_000)
    ids = {
        "order": f"ord_{chance.token()}",
        "number": f"W-{100_000 + chance.number()}",
        "checkout": checkout_id,
    }
    customer = {"type": "member", "customer_id": customer_id} if customer_id else {"type": "guest"}
    order = WebOrder(shop, goods, buyer, ids, customer, at + 400)
    if failed:
        order.pay(failed, "authorization", failed_at, status="failed")
    order.pay(authorization, "authorization", at)
    told = teller.tell("payment.authorized", at, {**whose, "payment": paid})
    if chance.draw() < 0.05:
        told.body["data"]["order_id"], told.mishap = ids["order"], Mishap.BEFORE_ITS_ORDER
    yield at, told
    at += 400
    yield at, teller.tell_order("order.placed", at, order)
    if not member:
        yield from _account(chance, teller, order, buyer.email, at)
    yield from _life(chance, teller, order, authorization, at)


def _account(chance: Chance, teller: _Teller, order: WebOrder, email: str, at: int) -> Journey:
    """Some guests make an account: most from the thank-you page, a few later in a session of their own."""
    draw = chance.draw()
    if draw >= 0.18:
        return
    at += chance.delay(1_000, 4_000)
    account = {
        "customer_id": f"cus_{chance.token()}",
        "consents": [{"purpose": "account", "granted": True, "at": order.moment(at)}],
    }
    if draw < 0.14:
        account["order_id"] = order.document["order_id"]
        yield at, teller.tell("account.created", at, account)
        return
    other = _Teller(chance, teller.shop, f"ses_{chance.token()}")
    yield at, other.tell("contact.captured", at, {"checkout_id": f"chk_{chance.token()}", "email": email})
    yield at + 900, other.tell("account.created", at + 900, account)


def _life(chance: Chance, teller: _Teller, order: WebOrder, authorization: str, at: int) -> Journey:
    """The placed order: paid, shipped, delivered; sometimes cancelled, sometimes partly refunded."""
    at += chance.delay(20_000, 120_000)
    order.next_version(at)
    if chance.draw() < 0.08:
        order.pay(f"pay_{chance.token()}", "void", at, authorization)
        order.cancel(at)
        yield at, teller.tell_order("order.cancelled", at, order)
        if chance.draw() < 0.5:
            yield from _undead(chance, teller, order, at)
        return
    capture = f"pay_{chance.token()}"
    order.pay(capture, "capture", at, authorization)
    if chance.draw() < 0.15:
        payment = {
            "payment_id": capture,
            "parent_payment_id": authorization,
            "method": "card",
            "gateway": "acquirer-one",
            "currency": teller.shop.currency,
            "amount": teller.shop.amount(order.basket.total),
        }
        order_id = order.document["order_id"]
        yield at, teller.tell("payment.captured", at, {"order_id": order_id, "payment": payment})
    yield at, teller.tell_order("order.paid", at, order)
    lines = order.document["lines"]
    parcels = [lines[:1], lines[1:]] if len(lines) > 1 and chance.draw() < 0.3 else [lines]
    for parcel in parcels:
        at += chance.delay(30_000, 150_000)
        order.next_version(at)
        order.ship(f"ful_{chance.token()}", parcel, at)
        yield at, teller.tell_order("order.fulfilled", at, order)
    if chance.draw() < 0.4:
        at += chance.delay(30_000, 150_000)
        order.next_version(at)
        order.deliver(at)
        yield at, teller.tell_order("order.updated", at, order)
    if chance.draw() < 0.16:
        at += chance.delay(30_000, 150_000)
        order.next_version(at)
        order.refund(f"ref_{chance.token()}", int(chance.draw() * len(lines)), at)
        yield at, teller.tell_order("order.refunded", at, order)


def _undead(chance: Chance, teller: _Teller, order: WebOrder, at: int) -> Journey:
    """What must never happen: a cancelled order that ships as if nothing had been."""
    at += chance.delay(20_000, 60_000)
    order.next_version(at)
    document = order.document
    for field in ("cancelled_at", "cancel_reason"):
        del document[field]
    del document["totals"]["current_total"]
    for line in document["lines"]:
        del line["cancelled_quantity"]
    order.ship(f"ful_{chance.token()}", document["lines"], at)
    told = teller.tell_order("order.fulfilled", at, order)
    told.defect = DefectKind.ILLEGAL_TRANSITION
    yield at, told
