"""Which files this process may read and write, by Landlock (Linux 5.13 and later).

Rights that a kernel does not know cannot be asked of it, so the mask follows the version of its interface.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from pdfsmaller.linux import Refused, syscall, thread_count

# The same numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << bit for bit in range(6))
_MAKE_CHAR, _MAKE_DIR, _MAKE_REG, _MAKE_SOCK, _MAKE_FIFO, _MAKE_BLOCK, _MAKE_SYM = (1 << bit for bit in range(6, 13))
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15

_READ = _READ_FILE | _READ_DIR
_WRITE = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
#: Rights that a rule for a file, not a folder, may give.
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

#: Every right to files, by the version of the interface that first had it.
_RIGHTS = {1: (1 << 13) - 1, 2: _REFER, 3: _TRUNCATE, 5: _IOCTL_DEV}
_TCP = 0b11  # bind, connect; since version 4
_SCOPES = 0b11  # abstract sockets and signals of processes outside; since version 6

#: Libraries and what they read: shared objects, character sets, time zones, fonts (PDFium looks for them there).
_SYSTEM = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/fonts", "/etc/localtime", "/dev/urandom")
#: How many processors and how much memory there are.
_MACHINE = ("/sys/devices/system/cpu", "/proc/cpuinfo", "/proc/meminfo")


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def restrict(sources: Iterable[Path], folder: Path) -> None:
    """Allow reading of libraries and ``sources``, everything in ``folder``, and nothing else, for good.

    Raises:
        OSError: the kernel has no Landlock, or it is switched off.
        Refused: other threads run, which this could not bind.
    """
    if thread_count() > 1:
        raise Refused("other threads run already")
    version = syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_CREATE_RULESET_VERSION))
    handled = sum(rights for since, rights in _RIGHTS.items() if version >= since)
    attributes = _Ruleset(handled, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    known_bytes = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(known_bytes), ctypes.c_uint32(0))
    try:
        readable: list[str | Path] = [*_SYSTEM, *_MACHINE, *_libraries(len(sys.modules)), *sources]
        for path in readable:
            with suppress(OSError):  # not everything is everywhere
                _allow(ruleset, path, _READ & handled)
        _allow(ruleset, "/dev/null", (_READ | _WRITE_FILE | _TRUNCATE) & handled)
        # Kept open: the rule is for this entry of /proc, which the kernel may otherwise forget and make anew.
        _allow(ruleset, "/proc/self", _READ & handled, keep_open=True)
        _allow(ruleset, folder, _WRITE & handled)
        syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str | Path, rights: int, *, keep_open: bool = False) -> None:
    """Give rights to a file, or to a folder and all beneath it.

    Raises:
        OSError: there is no such path.
    """
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _OF_FILES
        rule = _PathBeneath(rights, descriptor)
        syscall(
            _ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_RULE_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0)
        )
    finally:
        if not keep_open:
            os.close(descriptor)


@lru_cache(maxsize=1)
def _libraries(_loaded: int) -> tuple[str, ...]:
    """Python's own folders and those of every package that is loaded; not ``sys.path``, which may name anything.

    Args:
        _loaded: how many modules are. A fork server asks before it forks: looking at each takes longer than a fork.
    """
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    beneath = tuple(os.path.join(prefix, "") for prefix in prefixes)  # noqa: PTH118 - of each module
    found = dict.fromkeys(prefixes)
    for name, module in sys.modules.items():
        if "." in name:
            continue
        places = list(getattr(module, "__path__", ())) or [getattr(module, "__file__", None)]
        found |= dict.fromkeys(place for place in places if isinstance(place, str) and not place.startswith(beneath))
    return tuple(found)


def look_for_libraries() -> None:
    """Find the folders of what is loaded, for ``restrict`` here or in a process that is forked from this one."""
    _libraries(len(sys.modules))
