"""Hearing of messages as they come: PostgreSQL's LISTEN, on a connection of its own.

It shortens a wait and is relied on for nothing. Behind pgbouncer in transaction mode nothing is heard. And of many
workers only some listen: each message costs the server something for every one that does, and of hundreds that look by
themselves once a second one comes by within milliseconds anyway.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

logger = logging.getLogger(__name__)

CHANNEL = "pdfsmaller_messages"
_LISTEN = f"LISTEN {CHANNEL}"
#: So many listen to one database, about.
_MAX_LISTENERS = 16
_LISTENERS = f"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = '{_LISTEN}'"
#: After how long one more may try to.
_TRY_AGAIN_SECONDS = 300.0


def is_pooled(connection: Any) -> bool:
    """Whether pgbouncer or the like stands between psycopg's connection and the server: it makes up process ids."""
    [pid] = connection.execute("SELECT pg_backend_pid()").fetchone()
    return bool(pid != connection.info.backend_pid)


class Listener:
    """Waits for notifications. One thread at a time hears them; others sleep."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._driver: Any = None
        self._deaf_until = 0.0

    def wait(self, seconds: float) -> None:
        """Return when something was heard, after ``seconds`` at the latest."""
        ends_at = time.monotonic() + seconds
        if self._deaf_until <= time.monotonic() and self._lock.acquire(blocking=False):
            try:
                if self._hears(seconds):
                    return
            finally:
                self._lock.release()
        time.sleep(max(0.0, ends_at - time.monotonic()))

    def _hears(self, seconds: float) -> bool:
        """Whether something was heard; so it is after connecting, before which something may have been said."""
        import psycopg

        try:
            if self._driver is None:
                return self._connect()
            return any(True for _ in self._driver.notifies(timeout=seconds, stop_after=1))
        except (SQLAlchemyError, psycopg.Error) as exc:
            logger.info("not listening: %s", exc)  # whoever reads or writes next will hear of it
            self.close()
            return False

    def _connect(self) -> bool:
        connection = self._engine.raw_connection()
        driver: Any = connection.driver_connection
        [listeners] = driver.execute(_LISTENERS).fetchone()
        if listeners >= _MAX_LISTENERS or is_pooled(driver):
            self._deaf_until = time.monotonic() + _TRY_AGAIN_SECONDS
            connection.close()  # back into the pool
            return False
        connection.detach()  # the pool does not count it, and nobody else gets it
        self._driver = driver
        driver.execute(_LISTEN)
        return True

    def close(self) -> None:
        """Stop listening, until somebody waits."""
        if self._driver is not None:
            self._driver.close()
            self._driver = None
