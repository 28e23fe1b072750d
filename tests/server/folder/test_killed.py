"""A process that is killed at any moment leaves whole objects, and otherwise only what ``abort_unfinished`` removes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("killed_at.py")
KEY, OTHER = "jobs/a/1/out", "inbox/b"
#: Of an object: its bytes are whole, they are the new ones, its metadata, and its size is right.
WAS, IS = [True, False, {"is": "old"}, True], [True, True, {"is": "new"}, True]


@pytest.mark.parametrize(
    ("move", "before", "after"),
    [
        ("put", {}, {KEY: IS}),
        ("replace", {KEY: WAS}, {KEY: IS}),
        ("copy", {KEY: WAS}, {KEY: WAS, OTHER: WAS}),
        ("delete", {KEY: WAS}, {}),
        ("in parts", {KEY: WAS}, {KEY: [True, True, {}, True]}),
    ],
)
def test_before_any_call(move: str, before: dict[str, Any], after: dict[str, Any], root: Path) -> None:
    ran = subprocess.run([sys.executable, SCRIPT, root, move], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    states = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(states) > 50
    seen = [state["seen"] for state in states]
    assert seen == sorted(seen, key=lambda state: state == after)  # once it has happened it has happened
    assert (seen[0], seen[-1]) == (before, after)
    for state in states:
        assert state["seen"] in (before, after)
        assert state["after"] == sorted(state["seen"])
        assert state["files"] == 2 * len(state["seen"])
        assert state["empty"] == []
    assert any(state["unfinished"] for state in states)
