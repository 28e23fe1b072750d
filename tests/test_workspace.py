"""The folder of a job: gone with its job, swept where its owner died, never taken from a living one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pdfsmaller import errors, sandbox, workspace
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.limits import Limits
from tests import documents

_HOLD = (
    "import time; from pdfsmaller.workspace import job_folder\n"
    "with job_folder() as f: (f / 'in.pdf').write_bytes(b'x'); print(f, flush=True); time.sleep(60)"
)


@pytest.fixture
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_the_folder_of_a_killed_owner_is_removed_by_the_next_and_that_of_a_living_one_stays(temp: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    owner = subprocess.Popen([sys.executable, "-c", _HOLD], stdout=subprocess.PIPE, text=True, env=env)
    try:
        assert owner.stdout
        theirs = Path(owner.stdout.readline().strip())
        with workspace.job_folder() as mine:
            assert theirs.exists()
            assert mine.exists()
    finally:
        owner.kill()
        owner.wait()
    assert (theirs / "in.pdf").exists()
    with workspace.job_folder():
        assert not theirs.exists()
    assert list(temp.iterdir()) == []


def test_a_job_out_of_time_leaves_nothing_in_the_temporary_folder(temp: Path, tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.photo_flate(3_000, 3_000))
    seen: list[list[str]] = []

    def look(_stage: str, _percent: int) -> None:
        seen.append([path.name for path in temp.iterdir()])

    with pytest.raises(errors.LimitExceeded):
        sandbox.run_compress(source, tmp_path / "out.pdf", CompressOptions(), Limits(hard_seconds=1.5), progress=look)
    assert all(name.startswith("pdfsmaller-job-") for names in seen for name in names)
    assert list(temp.iterdir()) == []
