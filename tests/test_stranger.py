"""A stranger adds an operation: a module of the engine with its options and its entry point, and an entry in the
registry (the third file is the README, for its table). Command, API, drops, page and descriptions have it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pikepdf
import pytest

import pdfsmaller
from tests import documents

PACKAGE = Path(pdfsmaller.__file__).parent
ROOT = Path(__file__).parent.parent

_MODULE = '''
"""Turning pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pikepdf

from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.options import Options, Shown, option
from pdfsmaller.engine.report import BaseReport
from pdfsmaller.engine.results import Done, Progress, ResultFile
from pdfsmaller.limits import Limits
from pdfsmaller.records import record


@record(frozen=True, kw_only=True)
class RotateOptions(Options):
    """How pages are turned."""

    turn: Literal["90", "180", "270"] = option(
        "Degrees, clockwise.", Shown("N", label="Turn by", choices={"90": "a quarter", "180": "half"}), default="90"
    )


def run(
    sources: Sequence[InputFile], folder: Path, options: RotateOptions, *, limits: Limits, progress: Progress
) -> Done[BaseReport]:
    (source,) = sources
    target = folder / "out.pdf"
    with pikepdf.Pdf.open(source.path) as pdf:
        for page in pdf.pages:
            page.rotate(int(options.turn), relative=True)
        pdf.save(target)
        pages = len(pdf.pages)
    sizes = {"input_bytes": source.path.stat().st_size, "output_bytes": target.stat().st_size}
    return Done(BaseReport(outcome="rotated", pages=pages, **sizes), (ResultFile(target, f"{source.stem}-turned.pdf"),))
'''
_ENTRY = """
    OperationSpec(
        name="rotate",
        route="rotate",
        command="rotate",
        label="Turn",
        summary="Turn every page.",
        options_class="pdfsmaller.engine.rotate:RotateOptions",
        report_class="pdfsmaller.engine.report:BaseReport",
        entry="pdfsmaller.engine.rotate:run",
        each_alone=True,
    ),
)

#: By name"""
_SERVICE = """
import io, json, sys
from tests import documents
from tests.aws_stack import Clock, made_stack
from tests.http.talk import work
from pdfsmaller.http.app import create_app

with made_stack(Clock()) as stack:
    client = create_app(stack.world).test_client()
    pdf = documents.text(2)
    job = client.post("/api/rotate", data={"files": [(io.BytesIO(pdf), "a.pdf")], "turn": "180"}).get_json()
    stack.drop("inbox/b.pdf", pdf, {"operation": "rotate", "turn": "90"})
    work(stack)
    refused = client.post("/api/rotate", data={"files": [(io.BytesIO(pdf), "a.pdf")], "turn": "45"})
    print(json.dumps({
        "job": client.get(f"/api/jobs/{job['job_id']}").get_json(),
        "name": client.get(f"/api/jobs/{job['job_id']}/download").headers["Content-Disposition"],
        "dropped": stack.result_keys(),
        "refused": refused.get_json(force=True)["allowed"],
        "described": "RotateForm" in client.get("/openapi.json").text,
        "page": '"name":"turn"' in client.get("/").text,
    }))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """That of a copy of the package to which a stranger has added an operation."""
    home = tmp_path_factory.mktemp("stranger")
    shutil.copytree(PACKAGE, home / "pdfsmaller", ignore=shutil.ignore_patterns("__pycache__"))
    (home / "pdfsmaller" / "engine" / "rotate.py").write_text(_MODULE, encoding="utf-8")
    registry = home / "pdfsmaller" / "operations.py"
    text = registry.read_text(encoding="utf-8")
    assert text.count(")\n\n#: By name") == 1
    registry.write_text(text.replace(")\n\n#: By name", _ENTRY.lstrip("\n")), encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(home), str(ROOT), *(p for p in sys.path if p)])}


def test_the_command_has_the_operation(environment: dict[str, str], tmp_path: Path) -> None:
    source = documents.write(tmp_path / "a.pdf", documents.text(2))
    command = [sys.executable, "-m", "pdfsmaller.cli", "rotate", source, "-o", tmp_path / "b.pdf"]
    subprocess.run([*command, "--turn", "270"], env=os.environ | environment, check=True)
    with pikepdf.Pdf.open(tmp_path / "b.pdf") as pdf:
        assert [page.obj.get("/Rotate") for page in pdf.pages] == [270, 270]
    wrong = subprocess.run([*command, "--turn", "45"], env=os.environ | environment, capture_output=True, text=True)
    assert (wrong.returncode, "--turn cannot be '45'. Allowed: 90, 180, 270." in wrong.stderr) == (2, True)


def test_the_service_has_the_operation(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SERVICE], env=os.environ | environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["job"]["status"] == "succeeded"
    assert found["job"]["result"]["outcome"] == "rotated"
    assert [result["name"] for result in found["job"]["results"]] == ["a-turned.pdf"]
    assert "a-turned.pdf" in found["name"]
    assert "inbox/b.pdf" in found["dropped"]
    assert found["refused"] == ["90", "180", "270"]
    assert found["described"]
    assert found["page"]
