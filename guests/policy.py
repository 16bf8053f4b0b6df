"""How long a guest's session lives, and how long a merge can be undone: values with their basis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_HOUR: Final = 3_600_000_000
_DAY: Final = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class GuestPolicy:
    """Durations in microseconds. A changed value needs a new `version`: events carry it."""

    version: str = "guest-policy/1"
    idle: int = 24 * _HOUR
    """A session unseen for this long has expired: a shopper who sleeps on it still finds the checkout."""
    absolute: int = 7 * _DAY
    """No session lives longer, however often it is seen: a leaked session token is worthless after a week."""
    undo_window: int = 30 * _DAY
    """A merge of orders into an account can be undone for this long: one statement of a card account."""
