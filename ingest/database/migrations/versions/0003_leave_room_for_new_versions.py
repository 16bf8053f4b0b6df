"""Leave room on the pages of tables whose rows change, and orders' states uncompressed in their rows.

Pages written before keep their form until a `VACUUM FULL` or until their rows change.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("ALTER TABLE orders SET (fillfactor = 75, toast_tuple_target = 8160)")
    op.execute("ALTER TABLE guests SET (fillfactor = 90)")
    op.execute("ALTER TABLE guest_sessions SET (fillfactor = 80)")
