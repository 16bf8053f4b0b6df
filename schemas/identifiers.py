"""Identifiers that anybody can compute again: UUIDv5 (RFC 9562 §5.5) of what names the thing at its source.

A name is its parts joined by "/". A "/" or "%" inside a part is percent-escaped, so that different parts
never make the same name. Every kind of thing has its own namespace below one root.
"""

from __future__ import annotations

import uuid
from hashlib import blake2b, sha1
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hashlib import _Hash

ROOT: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:ordergate")

_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 0b11] for digit in "0123456789abcdef"}
"""The digit that holds the variant: its two high bits become 10, the two low ones are the hash's."""


def namespace(kind: str) -> uuid.UUID:
    """The UUID namespace of one kind of thing, such as `order`."""
    return uuid.uuid5(ROOT, kind)


def _started(kind: str) -> _Hash:
    # UUIDv5 prescribes SHA-1 and needs no secrecy of it.
    return sha1(namespace(kind).bytes, usedforsecurity=False)


_ORDER: Final = _started("order")
_LINE: Final = _started("line")
_SESSION: Final = _started("session")
_GUEST: Final = _started("guest")
_PROVISIONAL_GUEST: Final = _started("provisional-guest")
_CHANGE: Final = _started("change")
_derived: Final[dict[str, _Hash]] = {}


def order_id(source: str, source_account: str, source_order_id: str) -> str:
    """The canonical id, and Kafka key, of an order: UUIDv5 of `source/source_account/source_order_id`."""
    return _uuid5(_ORDER, f"{_part(source)}/{_part(source_account)}/{_part(source_order_id)}")


def line_id(order_id: str, source_line_id: str) -> str:
    """The canonical id of an order's line."""
    return _uuid5(_LINE, f"{_part(order_id)}/{_part(source_line_id)}")


def session_id(source: str, source_account: str, session_ref: str) -> str:
    """The id of a guest session, from the channel's own name of it."""
    return _uuid5(_SESSION, f"{_part(source)}/{_part(source_account)}/{_part(session_ref)}")


def guest_id(contact_hash: str) -> str:
    """The id of the guest whom a contact's keyed hash names."""
    return _uuid5(_GUEST, _part(contact_hash))


def provisional_guest_id(session_id: str) -> str:
    """The id of a guest who has given no contact yet; never equal to one from a contact."""
    return _uuid5(_PROVISIONAL_GUEST, _part(session_id))


def change_id(order_id: str, canonical_version: int) -> str:
    """The id of the change that made this version of the order: the same at every replay."""
    return _uuid5(_CHANGE, f"{_part(order_id)}/{canonical_version}")


def derived(kind: str, *parts: str) -> str:
    """The UUIDv5 of the parts in the namespace of a kind given here (`finding`, `conversion`, …)."""
    started = _derived.get(kind)
    if started is None:
        started = _derived[kind] = _started(kind)
    return _uuid5(started, "/".join(map(_part, parts)))


def event_key(channel: str, source_account: str, event_kind: str | None, event_id: str) -> bytes:
    """16 bytes that name one event of a channel: the same for every delivery of it.

    An event of unknown kind is different from one whose kind is the empty text.
    """
    # A lone "%" is no escaped part, so it cannot be mistaken for a kind.
    kind = "%" if event_kind is None else _part(event_kind)
    name = f"{_part(channel)}/{_part(source_account)}/{kind}/{_part(event_id)}"
    return blake2b(name.encode(), digest_size=16).digest()


def _part(text: str) -> str:
    if "/" in text or "%" in text:
        return text.replace("%", "%25").replace("/", "%2F")
    return text


def _uuid5(started: _Hash, name: str) -> str:
    """`str(uuid.uuid5(namespace, name))`, with the namespace's hashing done once."""
    digest = started.copy()
    digest.update(name.encode())
    text = digest.hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"
