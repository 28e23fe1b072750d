"""Reading inputs and writing results: a target is replaced by a whole file or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def check_readable(source: Path) -> None:
    """Read a byte, or the engine would have to say why it cannot.

    Raises:
        OSError: naming the file.
    """
    with source.open("rb") as file:
        file.read(1)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary file beside ``target`` that takes its place at the end of the block; on an error it disappears."""
    special = target.exists() and not target.is_file()  # /dev/stdout, a pipe
    if not special:
        target = target.resolve()  # write through a symbolic link, as cp does
    folder = Path(tempfile.gettempdir()) if special else target.parent
    # Named before it exists: whenever Ctrl-C comes, it is known what to take away.
    unfinished = folder / f".{target.name[:100]}.{secrets.token_hex(8)}.part"
    try:
        try:
            os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as exc:
            raise OSError(exc.errno, f"cannot be written: {exc.strerror}", str(target)) from None
        yield unfinished
        if special:
            with unfinished.open("rb") as result, target.open("wb") as sink:
                shutil.copyfileobj(result, sink)
        else:
            unfinished.chmod(_mode_for(target))
            unfinished.replace(target)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _mode_for(target: Path) -> int:
    """The permissions of the file that is replaced, or those of any new file."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
