"""LocalStack's own virtual environment: made once, again where it is not whole, clear about what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "localstack"))

from pdfsmaller_local import localstack_venv
from pdfsmaller_local.problems import Problem


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that an installation would run; an environment's interpreter appears without a real one."""
    ran: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        ran.append(command)
        if "venv" in command:
            (Path(command[-1]) / "bin").mkdir(parents=True)
            (Path(command[-1]) / "bin" / "python").touch()
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(localstack_venv.subprocess, "run", run)
    return ran


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text("one==1\n")
    return path


def test_it_is_installed_once_and_again_when_the_list_changes(
    runs: list[list[str]], tmp_path: Path, requirements: Path
) -> None:
    home = tmp_path / "home"
    found = localstack_venv.python(home, requirements)
    assert found.exists()
    assert len(runs) == 2
    assert localstack_venv.python(home, requirements) == found
    assert len(runs) == 2
    requirements.write_text("one==2\n")
    localstack_venv.python(home, requirements)
    assert len(runs) == 4


def test_a_half_built_one_is_built_again(runs: list[list[str]], tmp_path: Path, requirements: Path) -> None:
    home = tmp_path / "home"
    rest = home / "env" / "lib" / "rest"
    rest.parent.mkdir(parents=True)
    rest.touch()
    localstack_venv.python(home, requirements)
    assert not rest.exists()
    assert (home / "complete").exists()


def test_without_a_network_one_line_says_so_and_nothing_counts_as_complete(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, requirements: Path
) -> None:
    def run(command: list[str], **how: Any) -> subprocess.CompletedProcess[bytes]:
        if "venv" in command:  # this one's pip stands for that of a new one
            (Path(command[-1]) / "bin").mkdir(parents=True)
            python = Path(command[-1]) / "bin" / "python"
            python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
            python.chmod(0o755)
            return subprocess.CompletedProcess(command, 0)
        return real(command, **how)

    real = subprocess.run
    monkeypatch.setattr(localstack_venv.subprocess, "run", run)
    requirements.write_text("no-such-package-anywhere-at-all==1\n")
    for name, value in {"INDEX_URL": "http://127.0.0.1:9/simple", "RETRIES": "1", "CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    home = tmp_path / "home"
    with pytest.raises(Problem, match="the package index cannot be reached"):
        localstack_venv.python(home, requirements)
    assert not (home / "complete").exists()


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: No matching distribution found for one==1", "No matching distribution"),
    ],
)
def test_what_went_wrong_is_said_in_one_line(tmp_path: Path, log: str, said: str) -> None:
    (tmp_path / "log").write_text(f"Collecting one\n{log}\n")
    assert said in str(localstack_venv._why(tmp_path / "log"))


def test_a_python_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, requirements: Path) -> None:
    monkeypatch.setattr(localstack_venv, "OLDEST_PYTHON", (4, 0))
    with pytest.raises(Problem, match="LocalStack needs Python"):
        localstack_venv.python(tmp_path / "home", requirements)
