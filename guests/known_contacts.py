"""The table of relay addresses and placeholders, from contacts.yaml, checked when it is loaded."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

_FILE = Path(__file__).with_name("contacts.yaml")


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str = Field(min_length=10)


class _Domain(_Entry):
    domain: str = Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)*$")


class _Family(_Entry):
    prefix: str = Field(pattern=r"^([a-z0-9-]+\.)+$")


class _Address(_Entry):
    address: str = Field(pattern=r"^[^@A-Z\s]+@[a-z0-9.-]+$")


class _Fragment(_Entry):
    fragment: str = Field(min_length=1)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    relay_domains: tuple[_Domain, ...]
    relay_families: tuple[_Family, ...]
    relay_addresses: tuple[_Address, ...]
    placeholder_fragments: tuple[_Fragment, ...]
    placeholder_domains: tuple[_Domain, ...]


class KnownContacts:
    """Tells addresses that name no guest. Domains are given as lower-case A-labels."""

    def __init__(self, table: _Table) -> None:
        self._relay_domains = frozenset(entry.domain for entry in table.relay_domains)
        self._relay_families = tuple(entry.prefix for entry in table.relay_families)
        self._relay_addresses = frozenset(entry.address for entry in table.relay_addresses)
        fragments = (re.escape(entry.fragment) for entry in table.placeholder_fragments)
        self._fragment = re.compile("|".join(fragments))
        self._placeholder_domains = frozenset(entry.domain for entry in table.placeholder_domains)
        self._domain_forwards = lru_cache(maxsize=8192)(self._forwards)

    def is_relay(self, address: str, domain: str) -> bool:
        """Whether mail to the normalised address is forwarded to somebody it does not name."""
        return self._domain_forwards(domain) or address in self._relay_addresses

    def is_placeholder(self, local_part: str, domain: str) -> bool:
        """Whether the address stands for one that was never given, or was masked."""
        top = domain.rpartition(".")[2]
        return top in self._placeholder_domains or self._fragment.search(local_part) is not None

    def _forwards(self, domain: str) -> bool:
        if domain.startswith(self._relay_families):
            return True
        return not self._relay_domains.isdisjoint(_suffixes(domain))


@cache
def known_contacts() -> KnownContacts:
    """The table; raises ValueError when the file is not as it must be."""
    return KnownContacts(_Table.model_validate(yaml.safe_load(_FILE.read_text(encoding="utf-8"))))


def _suffixes(domain: str) -> list[str]:
    suffixes = [domain]
    while "." in domain:
        domain = domain.partition(".")[2]
        suffixes.append(domain)
    return suffixes
