"""Messages of callbacks, in a table like that of jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0005"
down_revision = "v0004"


def upgrade() -> None:
    op.create_table(
        "callbacks",
        sa.Column("message_id", sa.String(32), primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("sent_at", sa.Double, nullable=False),
        sa.Column("visible_at", sa.Double, nullable=False),
        sa.Column("receive_count", sa.Integer, nullable=False),
        sa.Column("receipt", sa.String(32)),
        sa.Column("dead_at", sa.Double),
        sa.Column("asker", sa.String(64), nullable=False, server_default=""),
        sa.Column("round", sa.BigInteger, nullable=False, server_default="0"),
    )
    live, dead = sa.text("dead_at IS NULL"), sa.text("dead_at IS NOT NULL")
    for name, columns, where in (
        ("callbacks_visible", ["visible_at"], live),
        ("callbacks_rounds", ["round", "visible_at"], live),
        ("callbacks_askers", ["asker", "round"], live),
        ("callbacks_dead", ["dead_at", "message_id"], dead),
    ):
        op.create_index(name, "callbacks", columns, sqlite_where=where, postgresql_where=where)
