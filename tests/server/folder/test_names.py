from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsmaller.server.folder import names

KEYS = st.text(st.characters(exclude_categories=("Cs",)), max_size=300) | st.text("aA./-=+%\0 é", max_size=200)


def read_back(path: list[str]) -> bytes:
    """The key of a path, from its names alone."""
    key = b""
    for name in path[:-1]:
        text = names.text_of(name.removesuffix(names.MORE))
        assert text is not None
        key += text if name.endswith(names.MORE) else text + b"/"
    last = names.text_of(path[-1])
    assert last is not None
    return key + last


@given(KEYS)
def test_a_key_can_be_read_back_from_names_that_any_file_system_takes(key: str) -> None:
    path = names.path_of(key)
    assert read_back(path).decode() == key
    for name in path:
        assert re.fullmatch(r"[a-z0-9_=-]+\+?", name)
        assert len(names.new_of(name, "0" * 32)) <= 255
    assert not path[-1].endswith(names.MORE)


@given(KEYS, KEYS)
def test_the_folders_of_a_prefix_are_those_of_the_keys_that_go_on_from_it(prefix: str, rest: str) -> None:
    folders = names.folders_of(prefix.encode())
    assert names.path_of(prefix + rest)[: len(folders)] == folders


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("jobs/0f3a/in/0", ["jobs", "0f3a", "in", "0"]),
        ("jobs/0f3a/1/out.zip", ["jobs", "0f3a", "1", "out=2ezip"]),
        ("../../etc/passwd", ["=2e=2e", "=2e=2e", "etc", "passwd"]),
        ("/a//B/", ["=", "a", "=", "=42", "="]),
        ("", ["="]),
        ("nul\0", ["nul=00"]),
        ("=", ["=3d"]),
        ("é", ["=c3=a9"]),
        ("e\u0301", ["e=cc=81"]),
        ("x" * 63, ["x" * 63]),
        ("x" * 64, ["x" * 64 + "+", "="]),
        ("x" * 130, ["x" * 64 + "+", "x" * 64 + "+", "xx"]),
    ],
)
def test_what_keys_are_called(key: str, path: list[str]) -> None:
    assert names.path_of(key) == path


@pytest.mark.parametrize("name", ["", "A", "a.b", ".hidden", "=6", "=61", "=4G", "a b", "lost+found", "é", "\udcff"])
def test_names_that_are_not_ours_are_none(name: str) -> None:
    assert names.text_of(name) is None


def test_bytes_and_new_facts_are_known_by_their_token() -> None:
    token = "0123456789abcdef" * 2
    assert names.token_in(names.data_of("a=2eb", token)) == ("a=2eb", token)
    assert names.token_in(names.new_of("a=2eb", token)) == ("a=2eb", token)
    for other in ("a", "a.json", f"a.{token[1:]}", f"a.{token}.old", f"a.{token}.json"):
        assert names.token_in(other) is None
