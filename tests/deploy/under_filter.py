"""Runs a command under a seccomp filter as systemd's SystemCallFilter= makes it: ``python -m … NAMES COMMAND…``.

NAMES is a file of system calls, a line each; any other is answered with EPERM. libseccomp, which systemd uses, does it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000 | errno.EPERM
_NONE = -1  # it has no such call


def apply(names: list[str]) -> None:
    """Bind this process, and all that it starts."""
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ERRNO)))
    assert context
    for name in names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number != _NONE:
            assert library.seccomp_rule_add(context, ctypes.c_uint32(_ALLOW), ctypes.c_int(number), 0) == 0, name
    assert library.seccomp_load(context) == 0


if __name__ == "__main__":
    apply(Path(sys.argv[1]).read_text().split())
    os.execvp(sys.argv[2], sys.argv[2:])
