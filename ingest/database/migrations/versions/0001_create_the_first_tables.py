"""Create the first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "event_ids",
        sa.Column(
            "event_key",
            sa.LargeBinary(),
            nullable=False,
            comment="hash of channel, account, kind and event id",
        ),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_key", "recorded_at", name=op.f("pk_event_ids")),
        postgresql_partition_by="RANGE (recorded_at)",
    )
    op.create_table(
        "findings",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("raw_offset", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        postgresql_partition_by="RANGE (recorded_at)",
    )
    op.create_index(
        op.f("ix_findings_order_id"),
        "findings",
        ["order_id"],
        unique=False,
        postgresql_where="order_id IS NOT NULL",
    )
    op.create_index(
        op.f("ix_findings_topic_partition_raw_offset"),
        "findings",
        ["topic", "partition", "raw_offset"],
        unique=False,
    )
    op.create_table(
        "guest_sessions",
        sa.Column("session_id", sa.UUID(), nullable=False),
        sa.Column("guest_id", sa.UUID(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("source_account", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("absolute_expires_at", sa.BigInteger(), nullable=False),
        sa.Column("checkout_id", sa.Text(), nullable=True),
        sa.Column("email_hash", sa.Text(), nullable=True),
        sa.Column("phone_hash", sa.Text(), nullable=True),
        sa.Column("customer_id", sa.Text(), nullable=True),
        sa.Column("order_ids", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_guest_sessions")),
    )
    op.create_index(op.f("ix_guest_sessions_guest_id"), "guest_sessions", ["guest_id"], unique=False)
    op.create_table(
        "guests",
        sa.Column("guest_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("order_count", sa.Integer(), nullable=False),
        sa.Column("first_order_at", sa.BigInteger(), nullable=True),
        sa.Column("last_topic", sa.Text(), nullable=False),
        sa.Column("last_partition", sa.Integer(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("guest_id", name=op.f("pk_guests")),
    )
    op.create_table(
        "journal",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("base_offset", sa.BigInteger(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("record_count", sa.Integer(), nullable=False),
        sa.Column("records", sa.LargeBinary(), nullable=False, comment="serialised output records, final bytes"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("base_offset <= next_offset", name=op.f("ck_journal_offsets_rise")),
        sa.PrimaryKeyConstraint("topic", "partition", "sequence", "recorded_at", name=op.f("pk_journal")),
        postgresql_partition_by="RANGE (recorded_at)",
    )
    op.create_table(
        "orders",
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_account", sa.Text(), nullable=False),
        sa.Column("source_order_id", sa.Text(), nullable=False),
        sa.Column("source_order_number", sa.Text(), nullable=True),
        sa.Column("canonical_version", sa.BigInteger(), nullable=False),
        sa.Column("clock_sequence", sa.BigInteger(), nullable=False),
        sa.Column("clock_updated_at", sa.BigInteger(), nullable=False, comment="microseconds since the epoch"),
        sa.Column("clock_rank", sa.BigInteger(), nullable=False),
        sa.Column("clock_digest", sa.LargeBinary(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("order_status", sa.Text(), nullable=False),
        sa.Column("payment_status", sa.Text(), nullable=False),
        sa.Column("fulfilment_status", sa.Text(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False, comment="the last published value, framed Avro"),
        sa.Column(
            "last_topic",
            sa.Text(),
            nullable=False,
            comment="partition whose journal carries the last change: the hand-over",
        ),
        sa.Column("last_partition", sa.Integer(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_orders")),
    )
    op.create_index(op.f("ix_orders_source_order_id"), "orders", ["source_order_id"], unique=False)
    op.create_index(op.f("ix_orders_source_order_number"), "orders", ["source_order_number"], unique=False)
    op.create_table(
        "outcomes",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("raw_offset", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("event_kind", sa.Text(), nullable=True),
        sa.Column("order_id", sa.UUID(), nullable=True),
        sa.Column("canonical_version", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True, comment="verdicts or the reason, without personal data"),
        sa.Column("outputs", sa.Integer(), nullable=False, comment="records published for it, on all topics"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", "raw_offset", "recorded_at", name=op.f("pk_outcomes")),
        postgresql_partition_by="RANGE (recorded_at)",
    )
    op.create_index(
        op.f("ix_outcomes_order_id"),
        "outcomes",
        ["order_id"],
        unique=False,
        postgresql_where="order_id IS NOT NULL",
    )
    op.create_table(
        "parked",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("raw_offset", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("headers", sa.LargeBinary(), nullable=False),
        sa.Column("timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("timestamp_type", sa.Integer(), nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", "raw_offset", name=op.f("pk_parked")),
    )
    op.create_index(op.f("ix_parked_order_id"), "parked", ["order_id"], unique=False)
    op.create_index(
        op.f("ix_parked_topic_partition_deadline"), "parked", ["topic", "partition", "deadline"], unique=False
    )
    op.create_table(
        "positions",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column(
            "topic_id",
            sa.Text(),
            nullable=False,
            comment="Kafka's id of the topic: another one means recreated",
        ),
        sa.Column("epoch", sa.BigInteger(), nullable=False, comment="the fence: raised by every recovery"),
        sa.Column("next_offset", sa.BigInteger(), nullable=False, comment="first raw offset not yet decided"),
        sa.Column("sequence", sa.BigInteger(), nullable=False, comment="number of the newest journal row"),
        sa.Column("published_sequence", sa.BigInteger(), nullable=False, comment="newest row known published; lags"),
        sa.Column("owner", sa.Text(), nullable=True, comment="transactional.id of the last owner"),
        sa.Column("released", sa.Boolean(), nullable=False, comment="the owner left after draining"),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_positions")),
    )
    op.create_table(
        "quarantine",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("raw_offset", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("headers", sa.LargeBinary(), nullable=False),
        sa.Column("timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("timestamp_type", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("event_kind", sa.Text(), nullable=True),
        sa.Column("order_id", sa.UUID(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", "raw_offset", name=op.f("pk_quarantine")),
    )
    op.create_index(
        op.f("ix_quarantine_order_id"),
        "quarantine",
        ["order_id"],
        unique=False,
        postgresql_where="order_id IS NOT NULL",
    )
    op.create_table(
        "schema_ids",
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="of the schema the id was given for"),
        sa.Column("schema_id", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("record", name=op.f("pk_schema_ids")),
    )
    # Compressing these again would cost the server time: journal rows and states are dense already.
    op.execute("ALTER TABLE journal ALTER COLUMN records SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE orders ALTER COLUMN state SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Take back."""
    op.drop_table("schema_ids")
    op.drop_index(op.f("ix_quarantine_order_id"), table_name="quarantine", postgresql_where="order_id IS NOT NULL")
    op.drop_table("quarantine")
    op.drop_table("positions")
    op.drop_index(op.f("ix_parked_topic_partition_deadline"), table_name="parked")
    op.drop_index(op.f("ix_parked_order_id"), table_name="parked")
    op.drop_table("parked")
    op.drop_index(op.f("ix_outcomes_order_id"), table_name="outcomes", postgresql_where="order_id IS NOT NULL")
    op.drop_table("outcomes")
    op.drop_index(op.f("ix_orders_source_order_number"), table_name="orders")
    op.drop_index(op.f("ix_orders_source_order_id"), table_name="orders")
    op.drop_table("orders")
    op.drop_table("journal")
    op.drop_table("guests")
    op.drop_index(op.f("ix_guest_sessions_guest_id"), table_name="guest_sessions")
    op.drop_table("guest_sessions")
    op.drop_index(op.f("ix_findings_topic_partition_raw_offset"), table_name="findings")
    op.drop_index(op.f("ix_findings_order_id"), table_name="findings", postgresql_where="order_id IS NOT NULL")
    op.drop_table("findings")
    op.drop_table("event_ids")
