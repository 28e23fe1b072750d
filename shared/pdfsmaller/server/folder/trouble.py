"""What the system says of the folder, as errors of ours."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from pdfsmaller.errors import DiskFull, PdfSmallerError, StoreUnavailable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_OWNER = "It must belong to the user that the service runs as, who must be able to write there"
_NO_FOLDER = "Something else lies in the place of a folder, perhaps a symbolic link, which is not followed"
_REMEDIES = {
    errno.EACCES: _OWNER,
    errno.EPERM: _OWNER,
    errno.EROFS: "Its disk must be mounted for writing",
    errno.ENOENT: "It is gone, or its disk is not mounted",
    errno.ENOTDIR: _NO_FOLDER,
    errno.EEXIST: _NO_FOLDER,
    errno.ELOOP: "In it lies a symbolic link in the place of a file, which is not followed",
    errno.EMFILE: "The service needs a higher limit on open files (ulimit -n)",
    errno.ENFILE: "The host has too many files open",
}


@contextmanager
def told() -> Iterator[None]:
    """Within it the folder may be used. Where it lies is no caller's business: only an error's cause says that.

    Raises:
        DiskFull: there is no room for what is being written.
        StoreUnavailable: the folder is gone, or cannot be read or written.
    """
    try:
        yield
    except OSError as exc:
        raise _error_of(exc) from exc


def _error_of(exc: OSError) -> PdfSmallerError:
    if exc.errno in _FULL:
        return DiskFull("The disk of the service's files is full. Nothing was stored; its operator has to free space.")
    remedy = _REMEDIES.get(exc.errno or 0, "Its disk may be failing")
    return StoreUnavailable(f"The folder of the service's files cannot be used ({exc.strerror}). {remedy}.")
