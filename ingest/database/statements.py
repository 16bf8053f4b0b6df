"""The set-wise statements of one batch: one round trip each, whole columns as binary arrays.

A batch is deduplicated by key before it is written: no statement meets the same row twice. New rows are plain
INSERTs on purpose: when two workers create the same order at once, the second fails on the primary key, rolls
back and decides again with the first one's row in view.
"""

from __future__ import annotations

LOCK_POSITIONS = """
SELECT topic, partition, epoch, next_offset, sequence FROM positions
WHERE (topic, partition) IN (SELECT * FROM unnest(%b::text[], %b::int[]))
ORDER BY topic, partition FOR UPDATE
"""

# A bitmap scan asks the disk for many of a table's pages at once (`effective_io_concurrency`), an index scan for one
# after the other. PostgreSQL thinks both equally dear for random keys of a table that is larger than its memory.
BITMAP_SCANS = "SET LOCAL enable_indexscan = off"
ANY_SCANS = "SET LOCAL enable_indexscan TO DEFAULT"

READ_SESSIONS = """
SELECT session_id::text, guest_id::text, channel, source_account, status, version, started_at,
       last_seen_at, expires_at, absolute_expires_at, checkout_id, email_hash, phone_hash, customer_id,
       order_ids::text[]
FROM guest_sessions WHERE session_id = ANY(%b::text[]::uuid[]) ORDER BY session_id FOR UPDATE
"""

READ_ORDERS = """
SELECT order_id::text, source, source_account, source_order_id, source_order_number, canonical_version,
       clock_sequence, clock_updated_at, clock_rank, clock_digest, content_hash,
       order_status, payment_status, fulfilment_status, state, last_topic, last_partition, last_sequence
FROM orders WHERE order_id = ANY(%b::text[]::uuid[]) ORDER BY order_id FOR UPDATE
"""

READ_GUESTS = """
SELECT guest_id::text, version, order_count, first_order_at, last_topic, last_partition, last_sequence
FROM guests WHERE guest_id = ANY(%b::text[]::uuid[]) ORDER BY guest_id FOR UPDATE
"""

READ_EVENT_IDS = """
SELECT event_key FROM event_ids WHERE event_key = ANY(%b::bytea[]) AND recorded_at > now() - %b::interval
"""

_PARKED_COLUMNS = """topic, partition, raw_offset, key, value, headers, timestamp_ms, timestamp_type,
       order_id::text, (extract(epoch FROM deadline) * 1000000)::bigint"""

READ_PARKED = f"""
SELECT {_PARKED_COLUMNS} FROM parked WHERE order_id = ANY(%b::text[]::uuid[])
ORDER BY topic, partition, raw_offset FOR UPDATE
"""  # noqa: S608 -- a constant column list, no input

READ_OVERDUE = f"""
SELECT {_PARKED_COLUMNS} FROM parked WHERE topic = %b AND partition = %b AND (deadline <= to_timestamp(%b / 1000000.0)
  OR EXISTS (SELECT FROM orders AS o WHERE o.order_id = parked.order_id))
ORDER BY raw_offset LIMIT %b
"""  # noqa: S608 -- a constant column list, no input

NEXT_DEADLINE = """
SELECT (extract(epoch FROM min(deadline) FILTER (WHERE deadline > to_timestamp(%b / 1000000.0))) * 1000000)::bigint,
       count(*)
FROM parked WHERE topic = %b AND partition = %b
"""

INSERT_ORDERS = """
INSERT INTO orders (order_id, source, source_account, source_order_id, source_order_number, canonical_version,
       clock_sequence, clock_updated_at, clock_rank, clock_digest, content_hash,
       order_status, payment_status, fulfilment_status, state, last_topic, last_partition, last_sequence, updated_at)
SELECT u.*, now() FROM unnest(%b::text[]::uuid[], %b::text[], %b::text[], %b::text[], %b::text[], %b::bigint[],
       %b::bigint[], %b::bigint[], %b::bigint[], %b::bytea[], %b::bytea[],
       %b::text[], %b::text[], %b::text[], %b::bytea[], %b::text[], %b::int[], %b::bigint[]) AS u
"""

UPDATE_ORDERS = """
UPDATE orders AS o SET source_order_number = u.source_order_number, canonical_version = u.canonical_version,
       clock_sequence = u.clock_sequence, clock_updated_at = u.clock_updated_at, clock_rank = u.clock_rank,
       clock_digest = u.clock_digest, content_hash = u.content_hash, order_status = u.order_status,
       payment_status = u.payment_status, fulfilment_status = u.fulfilment_status, state = u.state,
       last_topic = u.last_topic, last_partition = u.last_partition, last_sequence = u.last_sequence,
       updated_at = now()
FROM unnest(%b::text[]::uuid[], %b::text[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bytea[],
       %b::bytea[], %b::text[], %b::text[], %b::text[], %b::bytea[], %b::text[], %b::int[], %b::bigint[])
     AS u(order_id, source_order_number, canonical_version, clock_sequence, clock_updated_at, clock_rank,
       clock_digest, content_hash, order_status, payment_status, fulfilment_status, state,
       last_topic, last_partition, last_sequence)
WHERE o.order_id = u.order_id
"""

INSERT_GUESTS = """
INSERT INTO guests (guest_id, version, order_count, first_order_at, last_topic, last_partition, last_sequence,
       updated_at)
SELECT u.*, now() FROM unnest(%b::text[]::uuid[], %b::bigint[], %b::int[], %b::bigint[], %b::text[], %b::int[],
       %b::bigint[]) AS u
"""

UPDATE_GUESTS = """
UPDATE guests AS g SET version = u.version, order_count = u.order_count, first_order_at = u.first_order_at,
       last_topic = u.last_topic, last_partition = u.last_partition, last_sequence = u.last_sequence, updated_at = now()
FROM unnest(%b::text[]::uuid[], %b::bigint[], %b::int[], %b::bigint[], %b::text[], %b::int[], %b::bigint[])
     AS u(guest_id, version, order_count, first_order_at, last_topic, last_partition, last_sequence)
WHERE g.guest_id = u.guest_id
"""

INSERT_SESSIONS = """
INSERT INTO guest_sessions (session_id, guest_id, channel, source_account, status, version,
       started_at, last_seen_at, expires_at, absolute_expires_at, checkout_id, email_hash, phone_hash,
       customer_id, order_ids, updated_at)
SELECT session_id, guest_id, channel, source_account, status, version, started_at, last_seen_at,
       expires_at, absolute_expires_at, checkout_id, email_hash, phone_hash, customer_id,
       string_to_array(order_ids, ',')::uuid[], now()
FROM unnest(%b::text[]::uuid[], %b::text[]::uuid[], %b::text[], %b::text[], %b::text[], %b::bigint[],
       %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::text[], %b::text[],
       %b::text[])
     AS u(session_id, guest_id, channel, source_account, status, version, started_at, last_seen_at,
       expires_at, absolute_expires_at, checkout_id, email_hash, phone_hash, customer_id, order_ids)
"""

UPDATE_SESSIONS = """
UPDATE guest_sessions AS s SET guest_id = u.guest_id, status = u.status, version = u.version,
       started_at = u.started_at, last_seen_at = u.last_seen_at, expires_at = u.expires_at,
       absolute_expires_at = u.absolute_expires_at, checkout_id = u.checkout_id, email_hash = u.email_hash,
       phone_hash = u.phone_hash, customer_id = u.customer_id,
       order_ids = string_to_array(u.order_ids, ',')::uuid[], updated_at = now()
FROM unnest(%b::text[]::uuid[], %b::text[]::uuid[], %b::text[], %b::text[], %b::text[], %b::bigint[],
       %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::text[], %b::text[],
       %b::text[])
     AS u(session_id, guest_id, channel, source_account, status, version, started_at, last_seen_at,
       expires_at, absolute_expires_at, checkout_id, email_hash, phone_hash, customer_id, order_ids)
WHERE s.session_id = u.session_id
"""

INSERT_EVENT_IDS = """
INSERT INTO event_ids (event_key, recorded_at) SELECT u, now() FROM unnest(%b::bytea[]) AS u
"""

INSERT_OUTCOMES = """
INSERT INTO outcomes (topic, partition, raw_offset, outcome, channel, event_kind, order_id, canonical_version,
       detail, outputs, recorded_at)
SELECT u.*, now() FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::text[], %b::text[], %b::text[],
       %b::text[]::uuid[], %b::bigint[], %b::text[], %b::int[]) AS u
"""

UPDATE_OUTCOMES = """
UPDATE outcomes AS o SET outcome = u.outcome, order_id = u.order_id, canonical_version = u.canonical_version,
       detail = u.detail, outputs = u.outputs
FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::text[], %b::text[]::uuid[], %b::bigint[], %b::text[],
       %b::int[])
     AS u(topic, partition, raw_offset, outcome, order_id, canonical_version, detail, outputs)
WHERE o.topic = u.topic AND o.partition = u.partition AND o.raw_offset = u.raw_offset
"""

INSERT_FINDINGS = """
INSERT INTO findings (topic, partition, raw_offset, rule, field, severity, owner, dimension, action, message,
       channel, order_id, recorded_at)
SELECT u.*, now() FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::text[], %b::text[], %b::text[], %b::text[],
       %b::text[], %b::text[], %b::text[], %b::text[], %b::text[]::uuid[]) AS u
"""

INSERT_PARKED = """
INSERT INTO parked (topic, partition, raw_offset, order_id, key, value, headers, timestamp_ms, timestamp_type,
       deadline, recorded_at)
SELECT topic, partition, raw_offset, order_id, key, value, headers, timestamp_ms, timestamp_type,
       to_timestamp(deadline / 1000000.0), now()
FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::text[]::uuid[], %b::bytea[], %b::bytea[], %b::bytea[],
       %b::bigint[], %b::int[], %b::bigint[])
     AS u(topic, partition, raw_offset, order_id, key, value, headers, timestamp_ms, timestamp_type, deadline)
"""

DELETE_PARKED = """
DELETE FROM parked WHERE (topic, partition, raw_offset)
       IN (SELECT * FROM unnest(%b::text[], %b::int[], %b::bigint[]))
"""

INSERT_QUARANTINE = """
INSERT INTO quarantine (topic, partition, raw_offset, key, value, headers, timestamp_ms, timestamp_type, channel,
       event_kind, order_id, stage, reasons, recorded_at)
SELECT topic, partition, raw_offset, key, value, headers, timestamp_ms, timestamp_type, channel, event_kind,
       order_id, stage, reasons::jsonb, now()
FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::bytea[], %b::bytea[], %b::bytea[], %b::bigint[], %b::int[],
       %b::text[], %b::text[], %b::text[]::uuid[], %b::text[], %b::text[])
     AS u(topic, partition, raw_offset, key, value, headers, timestamp_ms, timestamp_type, channel, event_kind,
       order_id, stage, reasons)
"""

INSERT_JOURNAL = """
INSERT INTO journal (topic, partition, sequence, base_offset, next_offset, record_count, records, recorded_at)
SELECT u.*, now() FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::bigint[], %b::bigint[], %b::int[],
       %b::bytea[]) AS u
"""

# The fence: epoch and next_offset are compared and set in the same statement, in the batch's own transaction.
ADVANCE_POSITIONS = """
UPDATE positions AS p SET next_offset = u.next_offset, sequence = p.sequence + 1,
       published_sequence = p.sequence, updated_at = now(),
       leader_epoch = CASE WHEN u.next_offset > p.next_offset THEN u.leader_epoch ELSE p.leader_epoch END
FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::int[])
     AS u(topic, partition, epoch, base_offset, next_offset, sequence, leader_epoch)
WHERE p.topic = u.topic AND p.partition = u.partition AND p.epoch = u.epoch
  AND p.next_offset = u.base_offset AND p.sequence = u.sequence
RETURNING p.partition
"""
