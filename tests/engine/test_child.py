"""The engine as a child process: its lines, its errors, its bounds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller.limits import Limits
from tests import documents

SHARED = Path(__file__).resolve().parents[2] / "shared"


def start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pdfsmaller.engine"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SHARED)},
    )


def ask(source: Path, limits: Limits | None = None, **options: Any) -> list[dict[str, Any]]:
    """All lines that a child says about one job."""
    spec = {
        "entry": "pdfsmaller.engine.compress:run",
        "options_class": "pdfsmaller.engine.options:CompressOptions",
        "libraries": [],
        "compares": False,
        "sources": [{"path": str(source), "name": source.name}],
        "folder": str(source.parent),
        "options": options,
        "limits": asdict(limits or Limits()),
    }
    with start() as child:
        assert child.stdin
        assert child.stdout
        child.stdin.write(json.dumps(spec) + "\n")
        child.stdin.flush()  # and kept open: the child ends when its parent's end closes
        lines = [json.loads(line) for line in child.stdout]
        assert child.wait(timeout=60) == 0
    return lines


def test_says_ready_progress_and_the_report(tmp_path: Path) -> None:
    lines = ask(documents.write(tmp_path / "in.pdf", documents.photo_jpeg()), preset="ebook")
    assert lines[0] == {"ready": True}
    assert all(set(line) == {"progress"} for line in lines[1:-1])
    report = lines[-1]["report"]
    assert report["outcome"] == "compressed"
    assert (tmp_path / "out.pdf").stat().st_size == report["output_bytes"]


def test_takes_a_password(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.encrypted_user())
    assert "report" in ask(source, preset="ebook", password=documents.USER_PASSWORD)[-1]
    assert ask(source, preset="ebook")[-1]["error"]["code"] == "password_required"


def test_names_the_limit(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.text(pages=3))
    error = ask(source, Limits(max_pages=2))[-1]["error"]
    assert (error["code"], error["limit"], error["allowed"]) == ("limit_exceeded", "max_pages", 2)


def test_needs_nothing_that_checks_options() -> None:
    code = (
        "import sys; from pdfsmaller.engine import child, libraries; libraries.load(); print('pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_running_out_of_memory_names_the_limit(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.flate_bomb(megabytes=800))
    error = ask(source, Limits(memory_bytes=800_000_000))[-1]["error"]
    assert (error["code"], error["limit"]) == ("limit_exceeded", "memory_bytes")


def test_nothing_asked_ends_quietly() -> None:
    with start() as child:
        out, _ = child.communicate(input="", timeout=60)
    assert out == '{"ready": true}\n'
    assert child.returncode == 0


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "{}",
        '{"sources": 1}',
        '{"entry":"pdfsmaller.engine.nonexistent:run","sources":[],"folder":"/tmp"}',
    ],
)
def test_a_bad_line_gets_an_error(line: str) -> None:
    with start() as child:
        assert child.stdin
        assert child.stdout
        child.stdin.write(line + "\n")
        child.stdin.flush()
        answer = json.loads(child.stdout.readlines()[-1])
        assert child.wait(timeout=60) == 0
    assert answer["error"]["code"] == "engine_failed"
    assert "nonexistent" not in answer["error"]["message"]
