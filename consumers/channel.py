"""What a channel declares: everything that is special about one source, in one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mappers.candidate import EventContext, Mapped, MappedStatuses


class Ordering(StrEnum):
    """How far a source's own clock can be trusted (grades A, B, C)."""

    SEQUENCE = "A"
    """A contiguous version per order: lower is stale, a jump is a gap."""
    LAST_MODIFIED = "B"
    """A last-modified instant: the last writer wins, ties broken by rank, then content."""
    NONE = "C"
    """Nothing: only content tells a repetition."""


Headers = Mapping[str, bytes]
"""A record's headers by lower-case name; the last of a repeated name wins."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the envelope, or the body where there is none, says of an event."""

    event_kind: str | None
    source_account: str
    event_id: str | None
    """Unique per channel, account and event kind; None where the channel gives none (content decides)."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel, whole. Adding a channel is writing one of these."""

    name: str
    topic: str
    ordering: Ordering
    identify: Callable[[Headers, Mapping[str, Any]], Envelope]
    """Reads headers and the decoded document; raises DefectiveEvent when the envelope is unusable."""
    key_of: Callable[[Mapping[str, Any]], str | None]
    """The Kafka key that a decoded document should have; None when it does not tell. Never raises."""
    map_event: Callable[[Mapping[str, Any], EventContext], Mapped]
    """Maps a decoded document; raises DefectiveEvent with every defect found."""
    map_statuses: Callable[[Mapping[str, str]], MappedStatuses]
    """The native statuses kept in `source_status`, in canonical terms."""
    contract: str
    """File name under quality/contracts/."""
    """What it never provides, and how its orders may change, stands there too."""
    event_kinds: frozenset[str]
    kind_header: str
    """The header that names an event's kind."""
