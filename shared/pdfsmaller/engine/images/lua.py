"""Loops over every pixel, bit or byte, which are too slow in Python: small Lua files, run by LuaJIT.

LuaJIT comes in the ``lupa`` package and lets other threads run meanwhile. Where there is none, or it may not make
machine code, these functions do not exist, and their callers do without.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from pdfsmaller.engine.lua import PerThread, new_function

# Machine code takes 5 to 30 ns for a pixel, LuaJIT's interpreter 20 times that. The clock counts all threads' time.
_SECONDS, _SECONDS_PER_PIXEL = 0.5, 150e-9

# Of each thread, by folder and name.
_functions: PerThread[dict[tuple[Path, str], Any]] = PerThread(dict)
_unavailable = threading.Event()


class Unavailable(Exception):
    """There is no LuaJIT here, or it is too slow to be of use."""


def call(
    name: str,
    pixels: int,
    *arguments: Any,
    folder: Path = Path(__file__).parent,
    parts: tuple[str, ...] = (),
    steady: bool = True,
) -> Any:
    """The function in ``NAME.lua`` applied to the arguments and, as the last, the seconds that it may take.

    Args:
        pixels: that it is to work on, or bytes.
        folder: where the file is.
        parts: other files there, which it requires by their names.
        steady: its time follows from the pixels alone: where that is not enough, no function is of use here.

    Returns:
        Its result. Text is bytes, several results are a tuple.

    Raises:
        Unavailable: now, and then always, unless it is not steady.
    """
    result = _function(folder, name, parts)(*arguments, _SECONDS + pixels * _SECONDS_PER_PIXEL)
    if result == (None, b"slow"):
        if steady:
            _unavailable.set()
        raise Unavailable
    return result


def _function(folder: Path, name: str, parts: tuple[str, ...]) -> Any:
    if _unavailable.is_set():
        raise Unavailable
    functions = _functions.get()
    if (folder, name) not in functions:
        try:
            functions[folder, name] = new_function(*(folder / f"{file}.lua" for file in (name, *parts)))
        except ImportError as exc:
            _unavailable.set()
            raise Unavailable from exc
    return functions[folder, name]
