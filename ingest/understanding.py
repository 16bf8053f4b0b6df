"""From a raw event to what it means, before anything is known of its order: decode, identify, map. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from consumers.channel import Channel
from guests.contact import ContactNormaliser
from guests.session import order_session_key, session_key
from ingest.raw_event import RawEvent
from mappers.candidate import CheckoutFact, DefectiveEvent, EventContext, Mapped, PartialChange, Snapshot
from quality.contract import Contract
from quality.finding import Finding
from quality.limit import limited
from schemas import identifiers
from schemas.json_document import DocumentError, decode
from schemas.types import CanonicalOrder

UNNAMED_ACCOUNT = "default"


class Understood(Struct):
    """What one raw event means, or every reason why it cannot be told (`mapped` None, `findings` filled)."""

    event: RawEvent
    channel: Channel
    contract: Contract
    document: Mapping[str, Any] | None = None
    event_kind: str | None = None
    source_account: str = UNNAMED_ACCOUNT
    event_id: str | None = None
    mapped: Mapped | None = None
    findings: list[Finding] = field(default_factory=list)
    stage: str = "decode"
    event_key: bytes | None = None
    """Identity of the event itself, where its channel gives one."""
    order_id: str | None = None
    """The order it is about."""
    session_id: str | None = None
    """The guest session it is about: of a checkout fact, or of a guest's order."""

    @property
    def partition(self) -> tuple[str, int]:
        """The raw partition it was read from."""
        return self.event.topic, self.event.partition

    @property
    def received_at(self) -> int:
        """Our clock for it: the Kafka record's timestamp, in microseconds."""
        return self.event.timestamp_ms * 1000


class Reader:
    """Reads raw events of all channels: topic → channel, contract, and the contact normaliser they share."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        contracts: Mapping[str, Contract],
        contacts: ContactNormaliser,
        payload_limit: int,
    ) -> None:
        """`channels` by topic, `contracts` by channel name."""
        self._by_topic = {topic: (channel, contracts[channel.name]) for topic, channel in channels.items()}
        self._contacts = contacts
        self._payload_limit = payload_limit

    def decode(self, event: RawEvent) -> Understood:
        """The document of a raw event; a body that is no JSON document becomes a finding."""
        channel, contract = self._by_topic[event.topic]
        understood = Understood(event, channel, contract)
        try:
            understood.document = decode(event.value, limit=self._payload_limit)
        except DocumentError as error:
            understood.findings.append(contract.finding(error.rule, "", error.message))
        return understood

    def map(self, understood: Understood) -> Understood:
        """Identify and map a decoded event, in place; every defect becomes a finding."""
        document = understood.document
        if document is None:
            return understood
        channel, event = understood.channel, understood.event
        understood.stage = "map"
        try:
            headers = {name.lower(): value for name, value in event.headers if value is not None}
            envelope = channel.identify(headers, document)
            kind, account, event_id = envelope.event_kind, envelope.source_account, envelope.event_id
            understood.event_kind, understood.source_account, understood.event_id = kind, account, event_id
            if event_id is not None:
                understood.event_key = identifiers.event_key(channel.name, account, kind or "", event_id)
            context = EventContext(channel.name, account, kind, event_id, understood.received_at)
            mapped = channel.map_event(document, context)
        except DefectiveEvent as error:
            finding = understood.contract.finding
            understood.findings += limited([finding(d.rule, d.path, d.message) for d in error.defects])
        except Exception as error:  # noqa: BLE001 -- a fault in one mapper must not stop its partition
            understood.findings.append(
                understood.contract.finding(
                    "mapper_failed", "", f"the mapper failed with {type(error).__name__}; the event is safe"
                )
            )
        else:
            understood.mapped = mapped
            understood.stage = "check"
            self._name(understood, mapped)
        understood.document = None
        return understood

    def _name(self, understood: Understood, mapped: Mapped) -> None:
        """The order and the session it is about, and the contact by which its guest is known."""
        match mapped:
            case Snapshot(order=order):
                understood.order_id = order["order_id"]
                self._normalise_contact(order)
                if order["customer"]["kind"] == "GUEST":
                    understood.session_id = order_session_key(order, mapped.session_ref)
            case PartialChange():
                understood.order_id = mapped.order_id
            case CheckoutFact():
                understood.session_id = session_key(mapped)
                if mapped.contact is not None:
                    mapped.contact = self._contacts.normalise(mapped.contact, None)

    def _normalise_contact(self, order: CanonicalOrder) -> None:
        address = order["shipping_address"] or order["billing_address"]
        order["contact"] = self._contacts.normalise(order["contact"], address["country"] if address else None)
