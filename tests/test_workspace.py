"""The folder of a job: gone with its job, swept where its owner died, never taken from a living one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pdfsmaller import errors, sandbox, workspace
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.limits import Limits
from pdfsmaller.operations import find
from tests import documents, pictures

pytestmark = pytest.mark.usefixtures("warm_engine")

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

    def look(*_: object) -> None:
        seen.append([path.name for path in temp.iterdir()])

    with pytest.raises(errors.LimitExceeded):
        sandbox.run_compress(source, tmp_path / "out.pdf", CompressOptions(), Limits(hard_seconds=1.5), progress=look)
    assert all(name.startswith("pdfsmaller-job-") for names in seen for name in names)
    assert list(temp.iterdir()) == []


def test_an_owner_that_died_before_it_locked_its_folder_leaves_none_for_long(temp: Path) -> None:
    fresh, stale = temp / ".pdfsmaller-new-a", temp / ".pdfsmaller-new-b"
    for folder in (fresh, stale):
        folder.mkdir()
    os.utime(stale, (0, 0))
    with workspace.job_folder():
        assert [path.exists() for path in (fresh, stale)] == [True, False]


@pytest.mark.parametrize("end", ["cancelled", "crashed"])
def test_a_job_that_is_cancelled_or_crashes_leaves_nothing_in_the_temporary_folder(
    end: str, temp: Path, tmp_path: Path
) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.photo_flate(3_000, 3_000))
    running: list[sandbox.EngineProcess] = []

    def stop(*_: object) -> None:
        if end == "cancelled":
            running[0].kill(errors.LeaseLost("cancelled"))
        else:
            os.kill(running[0].pid, signal.SIGKILL)

    with pytest.raises(errors.LeaseLost if end == "cancelled" else errors.WorkerCrashed):
        sandbox.run_compress(
            source, tmp_path / "out.pdf", CompressOptions(), Limits(), progress=stop, stop=running.append
        )
    assert list(temp.iterdir()) == []
    assert not (tmp_path / "out.pdf").exists()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root mounts a small disk")
@pytest.mark.parametrize("operation", ["compress", "merge", "image-to-pdf"])
def test_a_full_disk_is_worth_another_try(operation: str, temp: Path, tmp_path: Path) -> None:
    image = operation == "image-to-pdf"
    data = pictures.saved(documents.photo(1_200, 900), "BMP") if image else documents.photo_flate(1_200, 900)
    source = InputFile(documents.write(tmp_path / "in", data), "in")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", temp], capture_output=True).returncode:
        pytest.skip("no disk may be mounted here")
    try:
        with pytest.raises(errors.DiskFull):
            sandbox.run_to(find(operation), [source], tmp_path / "out.pdf", find(operation).options(), Limits())
        assert list(temp.iterdir()) == []
    finally:
        subprocess.run(["umount", temp], check=True)
