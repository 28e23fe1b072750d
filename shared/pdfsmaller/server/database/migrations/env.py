"""Alembic runs this: the migrations, on the connection and in the transaction of ``upgrade``."""

from __future__ import annotations

from alembic import context

from pdfsmaller.server.database.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
