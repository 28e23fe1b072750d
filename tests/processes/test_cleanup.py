"""``pdfsmaller cleanup`` as a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pdfsmaller import wire
from pdfsmaller.settings import read_settings
from tests.processes.served import command, environ, run
from tests.processes.upload import settings_in


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    given = settings_in(tmp_path)
    wire.prepare(read_settings(given), processes=1)
    return given


def runs(said: str) -> int:
    return [json.loads(line)["message"] for line in said.splitlines()].count("cleanup done")


def test_it_runs_once(settings: dict[str, str]) -> None:
    ran = run("cleanup", **settings)
    assert ran.returncode == 0
    assert runs(ran.stderr) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_goes_on_until_it_is_told(settings: dict[str, str], tmp_path: Path, number: signal.Signals) -> None:
    log, ends_at = tmp_path / "log", time.monotonic() + 60
    with log.open("w") as file:
        going = subprocess.Popen(command("cleanup", "--every", 1), env=environ(**settings), stderr=file)
    while runs(log.read_text()) < 3:
        assert going.poll() is None
        assert time.monotonic() < ends_at
        time.sleep(0.1)
    going.send_signal(number)
    assert going.wait(60) == 0
