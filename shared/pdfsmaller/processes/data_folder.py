"""The folder in which ``pdfsmaller serve`` keeps everything: database, files, secret key, what is worked on.

::

    jobs.db       jobs and messages (SQLite), unless DATABASE_URL names another database
    jobs.db-bells pipes by which its processes wake each other; nothing of it is kept
    files/        what came in and what was made of it, unless STORAGE_URL names another place
    inbox/        the watched folder
    results/      what became of the files in it
    marks/        which of them are done
    secret.key    SECRET_KEY, unless that is set
    tmp/          one folder for each job that runs; nothing of it is kept
    serve.lock    held by the one ``serve`` that runs on this folder
"""

from __future__ import annotations

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pdfsmaller.errors import CannotServe
from pdfsmaller.settings import KEY_MIN_CHARS, Settings, read_settings

_KEY_BYTES = 32


class DataFolder:
    """One such folder, made where it is not there yet: for its owner alone.

    Raises:
        CannotServe: it cannot be made, or not be written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        for folder in (self.path, self.tmp, self.inbox, self.results, self.marks):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as exc:
                raise CannotServe(
                    f"The folder {folder} cannot be made ({exc.strerror}). Choose another one with --data."
                ) from None
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise CannotServe(
                f"The folder {self.path} cannot be written to. Give it to the user who runs this, or choose another "
                "one with --data."
            )

    @property
    def tmp(self) -> Path:
        return self.path / "tmp"

    @property
    def inbox(self) -> Path:
        return self.path / "inbox"

    @property
    def results(self) -> Path:
        return self.path / "results"

    @property
    def marks(self) -> Path:
        return self.path / "marks"

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.path / 'jobs.db'}"

    @property
    def storage_url(self) -> str:
        return str(self.path / "files")

    @contextmanager
    def held(self) -> Iterator[None]:
        """The folder for this process alone. The system gives it back when the process dies, however it does.

        Raises:
            CannotServe: another process has it.
        """
        with (self.path / "serve.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CannotServe(
                    f"Another `pdfsmaller serve` runs on {self.path}. Stop it, or choose another folder with --data."
                ) from None
            os.register_at_fork(after_in_child=lock.close)  # a child that outlives us must not hold the folder
            yield

    def secret_key(self) -> str:
        """The key that is kept here, made when it is asked for first.

        Raises:
            CannotServe: the file holds no key.
        """
        path = self.path / "secret.key"
        self.bring_key(secrets.token_hex(_KEY_BYTES))
        path.chmod(0o600)
        key = path.read_text(encoding="ascii", errors="replace").strip()
        if len(key) < KEY_MIN_CHARS:
            raise CannotServe(
                f"{path} holds no key of {KEY_MIN_CHARS} characters. Bring it back from a backup, or delete it: links "
                "given out before and passwords of unfinished jobs are lost then."
            )
        return key

    def bring_key(self, key: str) -> None:
        """Keep a key here, where there is none yet: whole or not at all, and once, however many begin at a time."""
        path = self.path / "secret.key"
        begun = path.with_name(f".secret.{os.getpid()}")
        begun.touch(mode=0o600)
        with begun.open("w", encoding="ascii") as file:
            file.write(key + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            with suppress(FileExistsError):
                path.hardlink_to(begun)
        finally:
            begun.unlink()


def settings_with(folder: DataFolder | None) -> Settings:
    """What the environment says; where it says nothing of them, database, storage and secret key of a folder.

    They are put into the environment, so that this process and its children see the same.

    Raises:
        CannotServe.
    """
    if folder:
        if not os.environ.get("DATABASE_URL"):
            os.environ["DATABASE_URL"] = folder.database_url
        if not os.environ.get("STORAGE_URL") and not os.environ.get("UPLOAD_FOLDER"):
            os.environ["STORAGE_URL"] = folder.storage_url
        if not os.environ.get("SECRET_KEY"):
            os.environ["SECRET_KEY"] = folder.secret_key()
        # What is worked on lies beside what is kept: one disk to watch.
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder.tmp)
    return read_settings()
