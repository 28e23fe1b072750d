"""Type 1 encryption undone, by LuaJIT where there is much of it."""

from __future__ import annotations

import random

import pytest

from pdfsmaller.engine import lua
from pdfsmaller.engine.fonts.type1_format import decrypt

_KEY = 55_665


def _encrypted(plain: bytes, key: int) -> bytes:
    """As the specification has it (Type 1 Font Format, 7.1)."""
    cipher = bytearray()
    for byte in plain:
        cipher.append(byte ^ key >> 8)
        key = (cipher[-1] + key) * 52_845 + 22_719 & 0xFFFF
    return bytes(cipher)


@pytest.mark.parametrize("length", [0, 1, 100, 1_999, 2_000, 140_000])
def test_what_was_encrypted_is_as_it_was(length: int) -> None:
    plain = random.Random(length).randbytes(length)
    assert decrypt(_encrypted(plain, _KEY), _KEY) == plain


def test_without_luajit_it_is_decrypted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: object, **__: object) -> None:
        raise lua.Unavailable

    monkeypatch.setattr(lua, "call", unavailable)
    plain = random.Random(1).randbytes(5_000)
    assert decrypt(_encrypted(plain, _KEY), _KEY) == plain
