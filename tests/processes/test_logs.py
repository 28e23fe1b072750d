from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.processes.served import environ

_CODE = """
import logging, warnings
from pdfsmaller.processes import logs
from pdfsmaller.settings import Settings
from pdfsmaller.telemetry import get_logger

early = get_logger("early")
logs.begin(Settings(), "worker")
early.debug("a debug line of a service")
logging.getLogger("pdfsmaller.jobs").info("of a module")
get_logger("late").warning("of a late one", extra={"job_id": "1"})
logging.getLogger("some.library").warning("of a library")
logging.getLogger("some.library").info("chat of a library")
warnings.warn("old", PendingDeprecationWarning)
"""


def logged(**settings: str) -> tuple[str, str]:
    ran = subprocess.run([sys.executable, "-c", _CODE], env=environ(**settings), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout, ran.stderr


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_all_that_is_logged_is_lines_of_json_on_standard_error() -> None:
    out, err = logged()
    assert out == ""
    assert [(line["message"], line["service"]) for line in lines(err)] == [
        ("of a module", "worker"),
        ("of a late one", "late"),
        ("of a library", "worker"),
    ]
    assert lines(err)[1]["job_id"] == "1"


@pytest.mark.parametrize(("level", "messages"), [("WARNING", 2), ("ERROR", 1)])
def test_the_level_is_that_of_the_settings_but_libraries_warn(level: str, messages: int) -> None:
    assert len(lines(logged(LOG_LEVEL=level)[1])) == messages


def test_debug_shows_everything_and_who_wrote_it() -> None:
    found = lines(logged(DEBUG="true", LOG_LEVEL="ERROR")[1])
    assert found[0]["message"] == "a debug line of a service"
    assert {line["thread"] for line in found} == {"MainThread"}
    assert all(int(line["process"]) > 1 for line in found)
    assert "PendingDeprecationWarning: old" in found[-1]["message"]
    assert "chat of a library" not in str(found)


def test_a_log_file_takes_it_all(tmp_path: Path) -> None:
    path = tmp_path / "log" / "pdfsmaller.log"
    assert logged(LOG_FILE=str(path)) == ("", "")
    assert len(lines(path.read_text())) == 3
