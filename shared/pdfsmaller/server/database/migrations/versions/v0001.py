"""Jobs, claims, batches, messages, workers, and the clock of a database that has none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0001"
down_revision = None

# Rows that come and go by the minute: cleared away when there are some hundred dead ones and not a share of all.
_BUSY = {
    "fillfactor": 70,
    "autovacuum_vacuum_scale_factor": 0,
    "autovacuum_vacuum_threshold": 500,
    "autovacuum_vacuum_cost_delay": 0,
    "autovacuum_analyze_scale_factor": 0,
    "autovacuum_analyze_threshold": 2000,
}
# Rows that are changed some ten times within minutes, and stay for days.
_CHANGING = {
    "fillfactor": 80,
    "autovacuum_vacuum_scale_factor": 0.02,
    "autovacuum_vacuum_threshold": 1000,
    "autovacuum_vacuum_cost_delay": 0,
}


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.String(64), primary_key=True),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("ttl", sa.Double, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_index("jobs_due", "jobs", ["status", "due_at", "job_id"])
    op.create_index("jobs_ttl", "jobs", ["ttl"])
    op.create_table(
        "claims",
        sa.Column("what", sa.String(64), primary_key=True),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("kept_until", sa.Double, nullable=False),
    )
    op.create_index("claims_kept_until", "claims", ["kept_until"])
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.String(64), primary_key=True),
        sa.Column("job_ids", sa.Text, nullable=False),
        sa.Column("kept_until", sa.Double, nullable=False),
    )
    op.create_index("batches_kept_until", "batches", ["kept_until"])
    op.create_table(
        "messages",
        sa.Column("message_id", sa.String(32), primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("sent_at", sa.Double, nullable=False),
        sa.Column("visible_at", sa.Double, nullable=False),
        sa.Column("receive_count", sa.Integer, nullable=False),
        sa.Column("receipt", sa.String(32)),
        sa.Column("dead_at", sa.Double),
    )
    live, dead = sa.text("dead_at IS NULL"), sa.text("dead_at IS NOT NULL")
    op.create_index("messages_visible", "messages", ["visible_at"], sqlite_where=live, postgresql_where=live)
    op.create_index("messages_dead", "messages", ["dead_at", "message_id"], sqlite_where=dead, postgresql_where=dead)
    op.create_table(
        "workers",
        sa.Column("worker_id", sa.String(32), primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("bounds", sa.Text, nullable=False),
        sa.Column("job_id", sa.String(64)),
        sa.Column("seen_at", sa.Double, nullable=False),
    )
    op.create_table(
        "clock",
        sa.Column("boot", sa.String(64), primary_key=True),
        sa.Column("difference", sa.Double, nullable=False),
    )
    if op.get_context().dialect.name == "postgresql":
        for table, options in (("messages", _BUSY), ("jobs", _CHANGING)):
            given = ", ".join(f"{name} = {value}" for name, value in options.items())
            op.execute(f"ALTER TABLE {table} SET ({given})")
