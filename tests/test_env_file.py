from __future__ import annotations

import os
from pathlib import Path

import pytest

from pdfsmaller import env_file
from pdfsmaller.errors import InvalidSettings
from tests.processes.served import run


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test sets is gone after it."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


def written(folder: Path, text: str) -> Path:
    path = folder / "pdfsmaller.env"
    path.write_text(text)
    return path


def test_settings_are_read_as_systemd_reads_them(tmp_path: Path) -> None:
    env_file.use(
        written(
            tmp_path,
            """# a comment\n\nMAX_PAGES=7\nRATE_LIMIT_DEFAULT="5 per hour"\nSECRET_KEY=a$b${HOME}c#d\nLOG_FILE=\n""",
        )
    )
    assert os.environ["MAX_PAGES"] == "7"
    assert os.environ["RATE_LIMIT_DEFAULT"] == "5 per hour"
    assert os.environ["SECRET_KEY"] == "a$b${HOME}c#d"
    assert os.environ["LOG_FILE"] == ""


def test_the_environment_goes_before(tmp_path: Path) -> None:
    os.environ["MAX_PAGES"] = "9"
    env_file.use(written(tmp_path, "MAX_PAGES=7"))
    assert os.environ["MAX_PAGES"] == "9"


def test_a_line_that_says_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="'MAX_PAGES' says nothing → write NAME=value"):
        env_file.use(written(tmp_path, "MAX_PAGES\n"))


def test_the_file_may_be_named_by_a_variable(tmp_path: Path) -> None:
    env_file.use_named()
    os.environ[env_file.VARIABLE] = str(written(tmp_path, "MAX_PAGES=8"))
    env_file.use_named()
    assert os.environ["MAX_PAGES"] == "8"


def test_the_command_takes_it_by_option_and_by_variable(tmp_path: Path) -> None:
    path = written(tmp_path, "DATABASE_URL=mysql://h/n\n")
    for ran in (run("--env-file", path, "cleanup"), run("cleanup", PDFSMALLER_ENV_FILE=str(path))):
        assert ran.returncode == 2
        assert "should begin with sqlite:// or postgresql://" in ran.stderr


def test_a_file_that_is_not_there_is_said_in_a_line(tmp_path: Path) -> None:
    ran = run("--env-file", tmp_path / "none", "cleanup")
    assert ran.returncode == 2
    assert "cannot be read (No such file or directory)" in ran.stderr
    assert ran.stderr.count("\n") == 1
