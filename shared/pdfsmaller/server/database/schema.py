"""The tables. ``migrations`` makes them; which of its versions this code is written for stands here too.

A job's row is kept as JSON; columns of its own are what is searched for. Times are seconds since the epoch.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, String, Table, Text

#: Every version of the schema, oldest first; the last is this code's.
VERSIONS = ("v0001", "v0002", "v0003", "v0004", "v0005", "v0006")

#: The comment of every table of ours in PostgreSQL, where others may have tables too.
MARK = "of PDF Smaller"

metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", String(64), primary_key=True),
    Column("status", String(32), nullable=False),
    Column("due_at", Double, nullable=False),
    Column("ttl", Double, nullable=False),
    Column("content", Text, nullable=False),
    Column("owner", String(64)),
    Column("created_at", Double),  # where there is an owner
    Index("jobs_due", "status", "due_at", "job_id"),
    Index("jobs_ttl", "ttl"),
)
Index(
    "jobs_owner",
    jobs.c.owner,
    jobs.c.created_at,
    jobs.c.job_id,
    sqlite_where=jobs.c.owner.is_not(None),
    postgresql_where=jobs.c.owner.is_not(None),
)

claims = Table(
    "claims",
    metadata,
    Column("what", String(64), primary_key=True),  # its SHA-256: a claim is of text of any length
    Column("job_id", String(64), nullable=False),
    Column("kept_until", Double, nullable=False),
    Index("claims_kept_until", "kept_until"),
)

batches = Table(
    "batches",
    metadata,
    Column("batch_id", String(64), primary_key=True),
    Column("job_ids", Text, nullable=False),  # a JSON list
    Column("kept_until", Double, nullable=False),
    Index("batches_kept_until", "kept_until"),
)

api_keys = Table(  # its columns are the fields of ``ApiKey``, in their order
    "api_keys",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("last_used_at", Double),
    Column("revoked_at", Double),
    Column("rate_limit", Text, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(64), primary_key=True),  # its SHA-256: a name is of any length, and may be an address
    Column("value", Integer, nullable=False),
    Column("kept_until", Double, nullable=False),
    Index("counters_kept_until", "kept_until"),
)


def _messages(name: str) -> Table:
    """The table of a queue (``queue``)."""
    table = Table(
        name,
        metadata,
        Column("message_id", String(32), primary_key=True),
        Column("body", Text, nullable=False),
        Column("sent_at", Double, nullable=False),
        Column("visible_at", Double, nullable=False),
        Column("receive_count", Integer, nullable=False),
        Column("receipt", String(32)),  # of its last delivery
        Column("dead_at", Double),  # when it became a dead letter
        Column("asker", String(64), nullable=False, server_default=""),  # whose job it leads to
        Column("round", BigInteger, nullable=False, server_default="0"),  # see ``rounds``
    )
    Index(
        f"{name}_visible",
        table.c.visible_at,
        sqlite_where=table.c.dead_at.is_(None),
        postgresql_where=table.c.dead_at.is_(None),
    )
    Index(
        f"{name}_rounds",
        table.c.round,
        table.c.visible_at,
        sqlite_where=table.c.dead_at.is_(None),
        postgresql_where=table.c.dead_at.is_(None),
    )
    Index(
        f"{name}_askers",
        table.c.asker,
        table.c.round,
        sqlite_where=table.c.dead_at.is_(None),
        postgresql_where=table.c.dead_at.is_(None),
    )
    Index(
        f"{name}_dead",
        table.c.dead_at,
        table.c.message_id,
        sqlite_where=table.c.dead_at.is_not(None),
        postgresql_where=table.c.dead_at.is_not(None),
    )
    return table


messages = _messages("messages")  # of jobs
callbacks = _messages("callbacks")

workers = Table(
    "workers",
    metadata,
    Column("worker_id", String(32), primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("bounds", Text, nullable=False),  # a JSON list
    Column("job_id", String(64)),
    Column("seen_at", Double, nullable=False),
)

figures = Table(
    "figures",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("labels", String(512), primary_key=True),  # a JSON object, its names in the alphabet's order
    Column("value", Double, nullable=False),
)

#: See ``clock``; only SQLite's has a row.
clock = Table(
    "clock",
    metadata,
    Column("boot", String(64), primary_key=True),
    Column("difference", Double, nullable=False),
)

for table in metadata.tables.values():
    table.comment = MARK
