"""Each finding of the review has a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
REVIEW = (ROOT / "docs" / "review.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| (?!number )([A-Z]\d+|[a-z][\w ]*) \|(.*)$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::([\w:]+)`")


def _tests_of(file: Path) -> set[str]:
    """``name`` and ``Class::name`` of each test of a file."""
    found: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found.add(node.name)
            found |= {f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return found


def test_every_named_test_exists() -> None:
    named = _TEST.findall(REVIEW)
    assert named
    assert [f"{file}::{name}" for file, name in named if name not in _tests_of(ROOT / file)] == []


def test_every_finding_names_a_test() -> None:
    numbers = {number for number, _ in _ROW.findall(REVIEW)}
    assert {"H1", "H2", "H3", *(f"M{n}" for n in range(1, 13)), *(f"L{n}" for n in range(1, 22))} <= numbers
    assert [number for number, rest in _ROW.findall(REVIEW) if not _TEST.search(rest)] == []
