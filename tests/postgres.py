"""A PostgreSQL server of the tests' own: Debian's programs, in a folder of its own, on a socket there."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import create_engine, text

from pdfsmaller.server import database
from pdfsmaller.server.database import migrations
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.pool import Pool

TEMPLATE = "empty"
#: Stands before PostgreSQL's own function of that name, so that tests can make time pass.
_CLOCK = """
    CREATE TABLE ahead (seconds double precision);
    INSERT INTO ahead VALUES (0);
    CREATE FUNCTION public.statement_timestamp() RETURNS timestamptz STABLE LANGUAGE sql AS
        'SELECT pg_catalog.statement_timestamp() + (SELECT seconds FROM ahead) * interval ''1 second''';
"""


def programs() -> Path | None:
    """Where PostgreSQL's programs are, or None where there are none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def popen(*command: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Start a command that dies with us: as PostgreSQL's own user where we are root, as whom it does not run."""
    user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    return subprocess.Popen(["setpriv", "--pdeathsig=KILL", *user, *map(str, command)], text=True, cwd="/", **options)


class Server:
    """Started with ``start``; its clock is that of each database (``forward``)."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder
        self._data = folder / "data"
        self._process: subprocess.Popen[str] | None = None

    def make(self) -> None:
        arguments = ["-A", "trust", "-U", "postgres", "--locale=C", "-E", "UTF8", "--no-sync"]
        made = popen(
            self.programs / "initdb", "-D", self._data, *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        said, _ = made.communicate()
        assert made.returncode == 0, said

    def start(self, **settings: str) -> None:
        """``settings`` go beside those of the tests."""
        given = {"listen_addresses": "", "unix_socket_directories": str(self.folder), "fsync": "off"} | settings
        if self._process:
            self._process.wait(30)  # its former one
        options = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("a") as log:
            self._process = popen(self.programs / "postgres", "-D", self._data, *options, stdout=log, stderr=log)
        ends_at = time.monotonic() + 60
        while subprocess.run([self.programs / "pg_isready", "-q", "-h", self.folder], check=False).returncode != 0:
            assert self._process.poll() is None, (self.folder / "log").read_text()[-1_000:]
            assert time.monotonic() < ends_at, "PostgreSQL does not come up"
            time.sleep(0.05)

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop it in one of its ways, and wait until it has."""
        assert self._process
        self._process.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])
        self._process.wait(60)

    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def execute(self, statement: str, name: str = "postgres") -> list[tuple[object, ...]]:
        """Run SQL outside any transaction; the rows."""
        engine = create_engine(
            self.url(name).replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
        )
        try:
            with engine.connect() as connection:
                done = connection.execute(text(statement))
                return [tuple(row) for row in done] if done.returns_rows else []
        finally:
            engine.dispose()

    def make_template(self) -> None:
        self.execute(f"CREATE DATABASE {TEMPLATE}")
        made = database.opened(self.url(TEMPLATE))
        migrations.upgrade(made)
        made.close()
        for statement in filter(str.strip, _CLOCK.split(";\n")):
            self.execute(statement, TEMPLATE)

    @contextmanager
    def new_database(self, template: str = TEMPLATE) -> Iterator[str]:
        """The name of a database with its tables and nothing in them; it is gone afterwards.

        Args:
            template: ``template0`` for one without tables.
        """
        name = f"test_{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        self.execute(f"ALTER DATABASE {name} SET search_path = public, pg_catalog")
        try:
            yield name
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def forward(self, name: str, seconds: float) -> None:
        """Let time pass in a database."""
        self.execute(f"UPDATE ahead SET seconds = seconds + {seconds}", name)


@contextmanager
def running(programs: Path, **settings: str) -> Iterator[Server]:
    """A server, made and started with ``settings``; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
        server = Server(programs, folder)
        server.make()
        server.start(**settings)
        try:
            server.make_template()
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def opened(server: Server, name: str) -> Iterator[Database]:
    made = database.opened(server.url(name), Pool(size=5, max_overflow=10))
    try:
        yield made
    finally:
        made.close()
