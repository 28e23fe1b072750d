"""The Lua runtimes: what a program in one can reach, and how much memory a claim can make it take."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from pdfsmaller.engine.content.rewriter import Rewriter
from pdfsmaller.engine.lua import PerThread, new_runtime


@pytest.mark.parametrize("name", ["eval", "builtins"])
def test_python_cannot_be_reached(name: str) -> None:
    assert new_runtime().execute(f"return python.{name}".encode()) is None


def test_an_object_given_to_lua_shows_none_of_its_attributes() -> None:
    read = new_runtime().execute(b"return function(o) return o.__class__ end")
    with pytest.raises(AttributeError):
        read(object())


def test_the_rewriter_of_content_has_such_a_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def counted() -> object:
        made.append(new_runtime())
        return made[-1]

    monkeypatch.setattr("pdfsmaller.engine.lua.new_runtime", counted)
    Rewriter()
    assert len(made) == 1


def test_what_was_prepared_is_the_first_thread_s_alone() -> None:
    made: list[object] = []

    def make() -> object:
        made.append(new_runtime())
        return made[-1]

    runtimes = PerThread(make)
    runtimes.prepare()
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        mine, theirs = first.submit(runtimes.get).result(), second.submit(runtimes.get).result()
        assert first.submit(runtimes.get).result() is mine
    assert made == [mine, theirs]


@pytest.mark.skipif(sys.platform != "linux", reason="a process's own peak is in Linux's /proc")
def test_a_fax_row_of_a_claimed_width_takes_memory_by_its_data() -> None:
    program = (
        "import re; from pathlib import Path; from pdfsmaller.engine import lua;"
        "from pdfsmaller.engine.images import pixels;"
        "print(lua.call(pixels.CCITT, 1, b'\\x80', 250_000_000, 1, False) is not None);"
        # Not ru_maxrss, in which the parent's counts too.
        "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert int(out[1]) * 1024 < 300_000_000
