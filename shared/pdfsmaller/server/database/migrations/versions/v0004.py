"""Messages of several queues."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0004"
down_revision = "v0003"


def upgrade() -> None:
    op.add_column("messages", sa.Column("queue", sa.String(16), nullable=False, server_default="jobs"))
    op.drop_index("messages_visible", "messages")
    op.drop_index("messages_dead", "messages")
    live, dead = sa.text("dead_at IS NULL"), sa.text("dead_at IS NOT NULL")
    op.create_index("messages_visible", "messages", ["queue", "visible_at"], sqlite_where=live, postgresql_where=live)
    op.create_index(
        "messages_dead", "messages", ["queue", "dead_at", "message_id"], sqlite_where=dead, postgresql_where=dead
    )
