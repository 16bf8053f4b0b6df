"""Every table, in SQLAlchemy Core. The migrations build exactly these; a test compares the two.

Time-ranged tables (journal, outcomes, findings, event_ids) are partitioned by `recorded_at`, so that what has
passed its retention is dropped as a whole partition and never deleted row by row (see retention.py).

Tables whose rows change leave room on every page (`fillfactor`): a new version that stays on its row's page needs no
new entry in any index. Without it, each update of a table larger than memory writes a page of every index too.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)
_INSTANT = DateTime(timezone=True)
_BY_TIME = "RANGE (recorded_at)"

positions = Table(
    "positions",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("topic_id", Text, nullable=False, comment="Kafka's id of the topic: another one means recreated"),
    Column("epoch", BigInteger, nullable=False, comment="the fence: raised by every recovery"),
    Column("next_offset", BigInteger, nullable=False, comment="first raw offset not yet decided"),
    Column("sequence", BigInteger, nullable=False, comment="number of the newest journal row"),
    Column("published_sequence", BigInteger, nullable=False, comment="newest row known published; lags"),
    Column("leader_epoch", Integer, comment="Kafka's, of the newest decided event: where it ends, the log may differ"),
    Column("owner", Text, comment="transactional.id of the last owner"),
    Column("released", Boolean, nullable=False, comment="the owner left after draining"),
    Column("updated_at", _INSTANT, nullable=False),
    PrimaryKeyConstraint("topic", "partition"),
)

journal = Table(
    "journal",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("base_offset", BigInteger, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("record_count", Integer, nullable=False),
    Column("records", LargeBinary, nullable=False, comment="serialised output records, final bytes"),
    Column("recorded_at", _INSTANT, nullable=False),
    PrimaryKeyConstraint("topic", "partition", "sequence", "recorded_at"),
    CheckConstraint("base_offset <= next_offset", name="offsets_rise"),
    postgresql_partition_by=_BY_TIME,
)

orders = Table(
    "orders",
    metadata,
    Column("order_id", UUID, primary_key=True),
    Column("source", Text, nullable=False),
    Column("source_account", Text, nullable=False),
    Column("source_order_id", Text, nullable=False),
    Column("source_order_number", Text),
    Column("canonical_version", BigInteger, nullable=False),
    Column("clock_sequence", BigInteger, nullable=False),
    Column("clock_updated_at", BigInteger, nullable=False, comment="microseconds since the epoch"),
    Column("clock_rank", BigInteger, nullable=False),
    Column("clock_digest", LargeBinary, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("order_status", Text, nullable=False),
    Column("payment_status", Text, nullable=False),
    Column("fulfilment_status", Text, nullable=False),
    Column("state", LargeBinary, nullable=False, comment="the last published value, framed Avro"),
    Column(
        "last_topic",
        Text,
        nullable=False,
        comment="partition whose journal carries the last change: the hand-over",
    ),
    Column("last_partition", Integer, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("updated_at", _INSTANT, nullable=False),
    Index(None, "source_order_id"),
    Index(None, "source_order_number"),
    # An Avro state of 1 to 3 KB does not compress: it stays in its row as it is, up to a page.
    postgresql_with={"fillfactor": 75, "toast_tuple_target": 8160},
)

guests = Table(
    "guests",
    metadata,
    Column("guest_id", UUID, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("order_count", Integer, nullable=False),
    Column("first_order_at", BigInteger),
    Column("last_topic", Text, nullable=False),
    Column("last_partition", Integer, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("updated_at", _INSTANT, nullable=False),
    postgresql_with={"fillfactor": 90},
)

guest_sessions = Table(
    "guest_sessions",
    metadata,
    Column("session_id", UUID, primary_key=True),
    Column("guest_id", UUID, nullable=False),
    Column("channel", Text, nullable=False),
    Column("source_account", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("absolute_expires_at", BigInteger, nullable=False),
    Column("checkout_id", Text),
    Column("email_hash", Text),
    Column("phone_hash", Text),
    Column("customer_id", Text),
    Column("order_ids", ARRAY(UUID), nullable=False),
    Column("updated_at", _INSTANT, nullable=False),
    Index(None, "guest_id"),
    postgresql_with={"fillfactor": 80},
)

event_ids = Table(
    "event_ids",
    metadata,
    Column("event_key", LargeBinary, nullable=False, comment="hash of channel, account, kind and event id"),
    Column("recorded_at", _INSTANT, nullable=False),
    PrimaryKeyConstraint("event_key", "recorded_at"),
    postgresql_partition_by=_BY_TIME,
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("raw_offset", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("event_kind", Text),
    Column("order_id", UUID),
    Column("canonical_version", BigInteger),
    Column("detail", Text, comment="verdicts or the reason, without personal data"),
    Column("outputs", Integer, nullable=False, comment="records published for it, on all topics"),
    Column("recorded_at", _INSTANT, nullable=False),
    PrimaryKeyConstraint("topic", "partition", "raw_offset", "recorded_at"),
    Index(None, "order_id", postgresql_where="order_id IS NOT NULL"),
    postgresql_partition_by=_BY_TIME,
)

findings = Table(
    "findings",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("raw_offset", BigInteger, nullable=False),
    Column("rule", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("dimension", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("order_id", UUID),
    Column("recorded_at", _INSTANT, nullable=False),
    Index(None, "topic", "partition", "raw_offset"),
    Index(None, "order_id", postgresql_where="order_id IS NOT NULL"),
    postgresql_partition_by=_BY_TIME,
)

parked = Table(
    "parked",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("raw_offset", BigInteger, nullable=False),
    Column("order_id", UUID, nullable=False),
    Column("key", LargeBinary),
    Column("value", LargeBinary),
    Column("headers", LargeBinary, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("timestamp_type", Integer, nullable=False),
    Column("deadline", _INSTANT, nullable=False),
    Column("recorded_at", _INSTANT, nullable=False),
    PrimaryKeyConstraint("topic", "partition", "raw_offset"),
    Index(None, "order_id"),
    Index(None, "topic", "partition", "deadline"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("raw_offset", BigInteger, nullable=False),
    Column("key", LargeBinary),
    Column("value", LargeBinary),
    Column("headers", LargeBinary, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("timestamp_type", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    Column("event_kind", Text),
    Column("order_id", UUID),
    Column("stage", Text, nullable=False),
    Column("reasons", JSONB, nullable=False),
    Column("recorded_at", _INSTANT, nullable=False),
    PrimaryKeyConstraint("topic", "partition", "raw_offset"),
    Index(None, "order_id", postgresql_where="order_id IS NOT NULL"),
)

gaps = Table(
    "gaps",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("topic_id", Text, nullable=False),
    Column("first_offset", BigInteger, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    Column(
        "reason", Text, nullable=False, comment="what a person accepted: these raw events, or their outputs, are lost"
    ),
    Column("recorded_at", _INSTANT, nullable=False),
    PrimaryKeyConstraint("topic", "partition", "topic_id", "first_offset", "recorded_at"),
)

output_ends = Table(
    "output_ends",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("topic_id", Text, nullable=False),
    Column(
        "end_offset", BigInteger, nullable=False, comment="next offset when last looked at: a log never gets shorter"
    ),
    Column("updated_at", _INSTANT, nullable=False),
    PrimaryKeyConstraint("topic", "partition"),
)

schema_ids = Table(
    "schema_ids",
    metadata,
    Column("record", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False, comment="of the schema the id was given for"),
    Column("schema_id", Integer, nullable=False),
    Column("recorded_at", _INSTANT, nullable=False),
)
