"""Whose a job is, and an index of everybody's jobs by their age."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0002"
down_revision = "v0001"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("owner", sa.String(64)))
    op.add_column("jobs", sa.Column("created_at", sa.Double))
    owned = sa.text("owner IS NOT NULL")
    op.create_index("jobs_owner", "jobs", ["owner", "created_at", "job_id"], sqlite_where=owned, postgresql_where=owned)
