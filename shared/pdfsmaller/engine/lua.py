"""Programs in Lua: loops over every pixel, bit or byte, which are too slow in Python, run by LuaJIT.

They work on hostile bytes, so that their runtimes reach nothing of Python. LuaJIT comes in the ``lupa`` package and
lets other threads run meanwhile. Where there is none, or it may not make machine code, callers do without.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")

# Machine code takes 5 to 30 ns for a pixel, LuaJIT's interpreter 20 times that. The clock counts all threads' time.
_SECONDS, _SECONDS_PER_PIXEL = 0.5, 150e-9

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


_functions: PerThread[dict[Path, Any]] = PerThread(dict)
_unavailable = threading.Event()


class Unavailable(Exception):
    """There is no LuaJIT here, or it is too slow to be of use."""


def call(program: Path, pixels: int, *arguments: Any, parts: tuple[str, ...] = (), steady: bool = True) -> Any:
    """The function that a file of Lua returns, applied to the arguments and, as the last, the seconds it may take.

    Args:
        pixels: that it is to work on, or bytes.
        parts: other files, by their places from its folder and without ending, which it requires by their names.
        steady: its time follows from the pixels alone: where that is not enough, no function is of use here.

    Returns:
        Its result. Text is bytes, several results are a tuple.

    Raises:
        Unavailable: now, and then always, unless it is not steady.
    """
    result = _function(program, parts)(*arguments, _SECONDS + pixels * _SECONDS_PER_PIXEL)
    if result == (None, b"slow"):
        if steady:
            _unavailable.set()
        raise Unavailable
    return result


def _function(program: Path, parts: tuple[str, ...]) -> Any:
    if _unavailable.is_set():
        raise Unavailable
    functions = _functions.get()
    if program not in functions:
        try:
            functions[program] = new_function(program, *(program.parent / f"{part}.lua" for part in parts))
        except ImportError as exc:
            _unavailable.set()
            raise Unavailable from exc
    return functions[program]


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
