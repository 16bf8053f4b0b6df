"""A guest's contact: normalised, so that one mailbox is one guest, and hashed under a secret key."""

from __future__ import annotations

import hmac
import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

import idna

from guests.known_contacts import known_contacts
from guests.phone import normalise_phone
from schemas.types import Contact

_REMEMBERED = 4_096
"""Contacts kept: an order's later events repeat its contact soon. Keeping eight times as many finds no more of them."""

# RFC 5321 §4.1.2, except that dots may stand anywhere in the local part: mailboxes of Japanese carriers had
# them so.
_ASCII = re.compile(
    r"([a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64})"
    r"@((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9]))"
)
_MAXIMUM_OCTETS = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets of a path
_MAXIMUM_LOCAL_OCTETS = 64  # RFC 5321 §4.5.3.1.1
_NOT_IN_LOCAL_PART = frozenset(' "(),:;<>[]\\@')


class _Email(NamedTuple):
    norm: str | None
    hash: str | None
    relay: bool


class ContactNormaliser:
    """Fills a contact's derived fields. Hashes are `kid:hex`: HMAC-SHA-256 of the normalised value."""

    def __init__(self, key: bytes, key_id: str) -> None:
        """`key`: 32 bytes or more, secret; `key_id`: names it in each hash, so that keys can be rotated."""
        self._key_id = key_id
        self._keyed = hmac.new(key, digestmod="sha256")
        self._known = known_contacts()
        self._email = lru_cache(maxsize=_REMEMBERED)(self._read_email)
        self._phone = lru_cache(maxsize=_REMEMBERED)(self._read_phone)

    def normalise(self, contact: Contact, region: str | None) -> Contact:
        """A copy with `email_norm`, `email_hash`, `phone_e164`, `phone_hash` and `relay` filled.

        What is no mailbox or number, or a placeholder for one, gives None. `region`: ISO 3166 country in
        which a phone number without `+` was written (the shipping country). `relay` stays True where the
        source says so.
        """
        email, phone = contact["email_raw"], contact["phone_raw"]
        norm, email_hash, relay = self._email(email) if email else _NO_EMAIL
        e164, phone_hash = self._phone(phone, region) if phone else _NO_PHONE
        return {
            "email_raw": email,
            "email_norm": norm,
            "email_hash": email_hash,
            "phone_raw": phone,
            "phone_e164": e164,
            "phone_hash": phone_hash,
            "relay": relay or contact["relay"],
            "verified_at": contact["verified_at"],
            "preferred_channel": contact["preferred_channel"],
        }

    def _read_email(self, text: str) -> _Email:
        address = normalise_email(text)
        if address is None:
            return _NO_EMAIL
        local_part, _, domain = address.rpartition("@")
        if self._known.is_placeholder(local_part, domain):
            return _NO_EMAIL
        return _Email(address, self._hash(address), self._known.is_relay(address, domain))

    def _read_phone(self, text: str, region: str | None) -> tuple[str | None, str | None]:
        number = normalise_phone(text, region)
        return _NO_PHONE if number is None else (number, self._hash(number))

    def _hash(self, value: str) -> str:
        keyed = self._keyed.copy()
        keyed.update(value.encode())
        return f"{self._key_id}:{keyed.hexdigest()}"


_NO_EMAIL = _Email(None, None, relay=False)
_NO_PHONE: tuple[None, None] = (None, None)


def normalise_email(text: str) -> str | None:
    """The address in the form by which it is looked up, or None when it is no address.

    Trimmed, NFC, lower case, the domain as A-labels (IDNA 2008 with UTS 46 mapping). Dots and `+tag` stay:
    only the receiving host knows what they mean (RFC 5321 §2.3.11). Lower case in the local part is for
    look-up, never for delivery: `email_raw` is what mail is sent to. Quoted local parts and address literals
    are refused.
    """
    text = text.strip()
    match = _ASCII.fullmatch(text.lower()) if text.isascii() else None
    if match is not None and "xn--" not in match[2]:
        return match[0] if len(match[0]) <= _MAXIMUM_OCTETS else None
    return _international(text)


def _international(text: str) -> str | None:
    """RFC 6531 addresses, and domains already given as A-labels, which may be malformed."""
    local_part, at, domain = unicodedata.normalize("NFC", text).rpartition("@")
    local_part = unicodedata.normalize("NFC", local_part.lower())
    if not at or not local_part or len(local_part.encode()) > _MAXIMUM_LOCAL_OCTETS:
        return None
    if any(char in _NOT_IN_LOCAL_PART or unicodedata.category(char)[0] in "CZ" for char in local_part):
        return None
    try:
        labels = idna.encode(domain, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        return None
    address = f"{local_part}@{labels}"
    top = labels.rpartition(".")[2]
    if "." not in labels or len(top) < 2 or top.isdigit() or len(address.encode()) > _MAXIMUM_OCTETS:
        return None
    return address
