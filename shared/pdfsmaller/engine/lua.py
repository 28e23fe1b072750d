"""Lua runtimes that reach nothing of Python: what runs in them works on hostile bytes.

LuaJIT comes in the ``lupa`` package.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")

# Room for machine code. LuaJIT compiles the ways through a loop one by one, a hundred at most if not told otherwise.
# Loops that code pixels have some hundreds, and which of them were left to the interpreter was a matter of luck:
# comparing the letters of six pages of impossibility-proofs-ccitt took 0.9 to 2.9 s, and now 0.9 to 1.2 (2026-11-30).
_ROOM = b'jit.opt.start("maxside=1000", "maxtrace=8000", "maxsnap=1000", "maxmcode=8192")'


def new_runtime() -> Any:
    """A runtime without ``python`` and its ``eval`` and ``builtins``; no attribute of an object can be had from Lua.

    Text is bytes, several results are a tuple. A runtime belongs to one thread at a time.

    Raises:
        ImportError: there is no LuaJIT here.
    """
    from lupa import luajit21

    runtime = luajit21.LuaRuntime(
        encoding=None,
        unpack_returned_tuples=True,
        register_eval=False,
        register_builtins=False,
        attribute_filter=_no_attribute,
    )
    runtime.execute(_ROOM)
    return runtime


def new_function(main: Path, *modules: Path) -> Any:
    """What a file of Lua returns, in a runtime of its own, with what it requires by name: files of the same names.

    Raises:
        ImportError: there is no LuaJIT here.
    """
    runtime = new_runtime()
    preload = runtime.execute(b"return function(n, s) package.preload[n] = assert(loadstring(s, n)) end")
    for module in modules:
        preload(module.stem.encode(), _source(module))
    return runtime.execute(_source(main))


class PerThread(Generic[T]):
    """What has a runtime, and so belongs to one thread: each thread that asks has its own, made at first need."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._own = threading.local()
        self._prepared: deque[T] = deque()

    def prepare(self) -> None:
        """Make one ahead, for the thread that is the first to need one. Nothing where there is no LuaJIT."""
        if available():
            self._prepared.append(self._make())

    def get(self) -> T:
        """This thread's.

        Raises:
            ImportError: there is no LuaJIT here.
        """
        if not hasattr(self._own, "made"):
            try:
                self._own.made = self._prepared.popleft()
            except IndexError:
                self._own.made = self._make()
        made: T = self._own.made
        return made


@cache
def _source(path: Path) -> bytes:
    return path.read_bytes()


@cache
def available() -> bool:
    """Whether there is a LuaJIT."""
    try:
        import lupa.luajit21  # noqa: F401
    except ImportError:
        return False
    return True


def _no_attribute(_owner: object, name: object, _setting: bool) -> object:
    raise AttributeError(f"Lua may not reach {name!r}")
