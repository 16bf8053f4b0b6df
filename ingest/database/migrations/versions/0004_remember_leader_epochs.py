"""Remember the leader epoch of each partition's newest decided event: it tells when the raw log lost its end.

Positions of before have none until their next event is decided.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "positions",
        sa.Column(
            "leader_epoch",
            sa.Integer(),
            nullable=True,
            comment="Kafka's, of the newest decided event: where it ends, the log may differ",
        ),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_column("positions", "leader_epoch")
