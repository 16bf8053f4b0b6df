"""The pure part of a worker without broker and database: decode, map, decide and encode, batch by batch.

What PostgreSQL would know is kept in dicts, as bytes: every batch meets fresh objects, as it would from the
database, decodes the stored state of an order that it changes, and leaves nothing to the garbage collector.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from consumers.catalogue import CHANNELS
from ingest.demo.records import RawRecord
from ingest.governing import build_pipeline
from ingest.pipeline import guests_within_reach, orders_within_reach, with_guests
from ingest.raw_event import RawEvent
from ingest.state import BatchState, Carrier, ParkedEvent
from ingest.understanding import Understood
from ingest.worker.batch import understand
from ingest.worker.phases import Phases
from producers.journal_records import pack
from producers.records import OutputRecord
from schemas.catalogue import RECORD_TYPES
from schemas.codec import Codec

_HASH_KEY = b"a key of benchmarks, long enough for SHA-256"
_PAYLOAD_LIMIT = 1024 * 1024
_PARK_DEADLINE_US = 15 * 60 * 1_000_000
_CREATE_TIME = 1


class InMemoryWorker:
    """Does to batches what a worker does between reading and writing."""

    def __init__(self, phases: Phases) -> None:
        codec = Codec({name: number for number, name in enumerate(RECORD_TYPES, 1)})
        self._pipeline = build_pipeline(
            CHANNELS.values(), codec, _HASH_KEY, "b1", _PAYLOAD_LIMIT, _PARK_DEADLINE_US, lambda _: True
        )
        self._phases = phases
        self._orders: dict[str, bytes] = {}
        self._guests: dict[str, bytes] = {}
        self._sessions: dict[str, bytes] = {}
        self._event_keys: set[bytes] = set()
        self._parked: dict[str, list[ParkedEvent]] = {}

    def take(self, events: Sequence[RawEvent], now: int) -> list[OutputRecord]:
        """Govern one batch at `now` (microseconds); gives its output records."""
        self._phases.lap("other")
        understood = understand(self._pipeline, events, self._phases)
        state = self._read(understood)
        self._phases.lap("other")
        drafts = [
            drafts
            for one in understood
            for _, drafts in self._pipeline.decide(one, state, Carrier(*one.partition, 1), now)
        ]
        self._phases.lap("check")
        records = [record for some in drafts for record in self._pipeline.encode(some, state)]
        pack(records)
        self._phases.lap("encode")
        self._write(state)
        self._phases.lap("other")
        return records

    def _read(self, understood: Sequence[Understood]) -> BatchState:
        state = BatchState()
        orders = {one.order_id for one in understood if one.order_id is not None} & self._orders.keys()
        state.orders = {key: _fresh(self._orders[key]) for key in orders}
        placing = with_guests(understood, state)
        sessions = {one.session_id for one in placing if one.session_id is not None} & self._sessions.keys()
        state.sessions = {key: _fresh(self._sessions[key]) for key in sessions}
        reached = orders_within_reach(placing, state) & self._orders.keys() - orders
        state.orders |= {key: _fresh(self._orders[key]) for key in reached}
        waited_for = {one.order_id for one in understood if one.order_id is not None} | reached
        state.parked = {key: list(self._parked[key]) for key in waited_for & self._parked.keys()}
        guests = guests_within_reach(placing, state) & self._guests.keys()
        state.guests = {key: _fresh(self._guests[key]) for key in guests}
        keys = {key for one in understood if (key := one.event_key) is not None}
        state.event_keys = keys & self._event_keys
        return state

    def _write(self, state: BatchState) -> None:
        for key, row in (state.new_orders | state.changed_orders).items():
            self._orders[key] = pickle.dumps(replace(row, order=None))
        for key, guest in (state.new_guests | state.changed_guests).items():
            self._guests[key] = pickle.dumps(guest)
        for key, session in (state.new_sessions | state.changed_sessions).items():
            self._sessions[key] = pickle.dumps(session)
        self._event_keys |= state.new_event_keys
        released = {tuple(position) for position in state.unparked}
        for waiting in self._parked.values():
            waiting[:] = [parked for parked in waiting if parked.event[:3] not in released]
        for parked in state.parked_now:
            self._parked.setdefault(parked.order_id, []).append(parked)


def _fresh(kept: bytes) -> Any:
    return pickle.loads(kept)  # noqa: S301 -- pickled above, by this process


def batches(records: Iterable[RawRecord], size: int) -> Iterator[list[RawEvent]]:
    """Raw events of demo records, one partition per topic, in batches of `size`."""
    offsets: dict[str, int] = {}
    batch: list[RawEvent] = []
    for record in records:
        topic = record.topic
        offset = offsets.get(topic, 0)
        offsets[topic] = offset + 1
        headers: list[tuple[str, bytes | None]] = [*record.headers]
        batch.append(RawEvent(topic, 0, offset, record.key, record.value, headers, record.timestamp_ms, _CREATE_TIME))
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
