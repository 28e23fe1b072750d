"""Every broken or malicious document ends in a result or a typed error: no hang, no crash, no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pikepdf
import pytest

from tests.corpus.corpus import files, needs_corpus

#: What the engine may take for one file, and what the command may take in all, in seconds.
TIMEOUT = 60
PATIENCE = TIMEOUT + 15
KNOWN = {
    "not_a_pdf",
    "empty_file",
    "unreadable_pdf",
    "limit_exceeded",
    "password_required",
    "wrong_password",
    "unsupported_encryption",
}
#: Small files of different kinds, for a quick run.
QUICK = ["zero-byte.pdf", "xref-loop-hank.pdf", "type3-cycle.pdf", "func-recursion.pdf"]


def check(source: Path, tmp_path: Path, *options: str) -> None:
    target = tmp_path / "out.pdf"
    arguments = ["compress", str(source), "-o", str(target), "--json", "--timeout", str(TIMEOUT), *options]
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pdfsmaller.cli", *arguments], capture_output=True, text=True, timeout=PATIENCE
    )
    assert time.monotonic() - started < PATIENCE
    assert "Traceback" not in done.stderr
    said = json.loads(done.stdout)
    if "error" in said:
        assert said["error"]["code"] in KNOWN, said
        assert done.returncode in (3, 4, 5)
        assert done.stderr.count("\n") == 1
        assert not target.exists()
    else:
        assert done.returncode == 0
        assert target.stat().st_size <= source.stat().st_size
        if said["report"]["outcome"] == "unchanged":
            assert target.read_bytes() == source.read_bytes()
        else:
            with pikepdf.open(target) as pdf:
                assert len(pdf.pages) == said["report"]["pages"]
    assert [path.name for path in tmp_path.iterdir() if path != target] == []


@needs_corpus
@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--preset", "screen", "--verify", "full")], ids=["plain", "screen"])
@pytest.mark.parametrize("source", files("hostile"), ids=lambda file: file.stem)
def test_every_hostile_document_ends(source: Path, options: tuple[str, ...], tmp_path: Path) -> None:
    check(source, tmp_path, *options)


@needs_corpus
@pytest.mark.parametrize(
    "source", [file for file in files("hostile") if file.name in QUICK], ids=lambda file: file.stem
)
def test_some_hostile_documents_end(source: Path, tmp_path: Path) -> None:
    check(source, tmp_path)


@needs_corpus
@pytest.mark.slow
@pytest.mark.parametrize("source", files("hostile"), ids=lambda file: file.stem)
def test_every_hostile_document_can_be_looked_into(source: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pdfsmaller.cli", "inspect", str(source), "--json"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 3, 4, 5)
    if done.returncode == 0:
        said = json.loads(done.stdout)
        assert sum(said["audit"].values()) == source.stat().st_size
