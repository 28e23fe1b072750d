"""Messages know who asked for their jobs, and in which round their turn comes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0003"
down_revision = "v0002"


def upgrade() -> None:
    op.add_column("messages", sa.Column("asker", sa.String(64), nullable=False, server_default=""))
    op.add_column("messages", sa.Column("round", sa.BigInteger, nullable=False, server_default="0"))
    live = sa.text("dead_at IS NULL")
    for name, columns in (("messages_rounds", ["round", "visible_at"]), ("messages_askers", ["asker", "round"])):
        op.create_index(name, "messages", columns, sqlite_where=live, postgresql_where=live)
