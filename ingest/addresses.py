"""The shape of the three addresses: what is accepted, and what of it may be shown.

RFC 3986 §3.2 says how a URL names user, password, host and port. Whatever else stands in a user name or a
password has to be percent-encoded: otherwise parsers disagree on where the password ends, and show a part of
it as a host.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs

_USER: Final = r"(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?"
_HOST: Final = r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]"
_AUTHORITY: Final = rf"{_USER}(?:(?P<host>{_HOST})(?::(?P<port>[0-9]{{1,5}}))?)?"
_REST: Final = r"(?P<path>/[^\s?#@]*)?(?:\?(?P<query>[^\s#@]*))?"
_DATABASE: Final = re.compile(rf"postgresql://{_AUTHORITY}{_REST}")
_WEB: Final = re.compile(rf"https?://{_AUTHORITY}{_REST}")
_BROKER: Final = re.compile(rf"(?P<host>{_HOST}):(?P<port>[0-9]{{1,5}})")

_DATABASE_PORT: Final = 5432
_LARGEST_PORT: Final = 65_535
_ENCODED: Final = "and percent-encoded special characters in user and password (@ is %40, / is %2F)"


def check_database_url(url: str) -> None:
    """Raises ValueError, which repeats nothing of the URL, when it is no postgresql:// URL with a host."""
    found = _DATABASE.fullmatch(url)
    if found is None or not _port_fits(found) or not _database_host(found):
        raise ValueError(f"expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE with one host {_ENCODED}")


def check_web_url(url: str) -> None:
    """Raises ValueError, which repeats nothing of the URL, when it is no http(s) URL with a host."""
    found = _WEB.fullmatch(url)
    if found is None or not _port_fits(found) or not found["host"]:
        raise ValueError(f"expected http://HOST:PORT or https://HOST:PORT with one host {_ENCODED}")


def broker_list(text: str) -> str:
    """`host:port,host:port` without blanks. Raises ValueError when an item is none, or there is none."""
    items = [item.strip() for item in text.split(",")]
    for at, item in enumerate(items, 1):
        found = _BROKER.fullmatch(item)
        if found is None or not _port_fits(found):
            raise ValueError(f"expected host:port, several separated by commas; number {at} is none")
    return ",".join(items)


def database_address(url: str) -> str:
    """`host:port/database` of a URL that was checked, without credentials."""
    found = _DATABASE.fullmatch(url)
    assert found is not None
    return f"{_database_host(found)}:{found['port'] or _DATABASE_PORT}{found['path'] or ''}"


def web_address(url: str) -> str:
    """`host:port/path` of a URL that was checked, without credentials."""
    found = _WEB.fullmatch(url)
    assert found is not None
    port = f":{found['port']}" if found["port"] else ""
    return f"{found['host']}{port}{found['path'] or ''}"


def _database_host(found: re.Match[str]) -> str:
    """A socket's folder is named by the parameter `host`, as PostgreSQL's own clients have it."""
    return found["host"] or ",".join(parse_qs(found["query"] or "").get("host", []))


def _port_fits(found: re.Match[str]) -> bool:
    return not found["port"] or 0 < int(found["port"]) <= _LARGEST_PORT
