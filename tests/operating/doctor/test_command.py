"""``pdfsmaller doctor``: what it prints, and what it exits with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pdfsmaller.cli.app import run
from pdfsmaller.errors import ExitCode
from tests.processes.served import Served

pytestmark = pytest.mark.usefixtures("own_environment")


def test_a_service_that_runs_is_looked_at_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    served = Served(tmp_path / "data", "--workers", 1)
    try:
        with pytest.MonkeyPatch.context() as environ:
            environ.setenv("PORT", served.url.rsplit(":", 1)[1])
            code = run(["doctor", "--json", "--data", str(served.data), "--env-file", str(tmp_path / "none")])
    finally:
        served.kill()
    out, err = capsys.readouterr()
    told = json.loads(out)
    checks = {one["check"]: one for one in told["checks"]}
    for name in ("settings", "schema", "version", "workers", "clock of the database", "permissions of the data"):
        assert checks[name]["state"] == "ok", checks[name]
        assert checks[name]["remedy"] is None
    assert checks[f"endpoint {served.url}/health/ready"]["state"] == "ok"
    assert checks["backup"]["state"] == "warning"
    assert (told["status"], code) in (("warning", ExitCode.WARNINGS), ("failed", ExitCode.FAILURES))
    assert {one["state"] for one in told["checks"]} <= {"ok", "warning", "failed", "skipped"}
    assert not err


def test_what_has_failed_is_said_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--data", str(tmp_path / "none")]) == ExitCode.FAILURES
    out, err = capsys.readouterr()
    assert out.startswith("failed   settings")
    assert f"{tmp_path / 'none'} is not the folder of a `serve`." in out
    assert "→ correct them in /etc/pdfsmaller/pdfsmaller.env" in out
    assert "Traceback" not in out + err


def test_that_nobody_could_be_told_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--notify", "--data", str(tmp_path / "none")]) == ExitCode.FAILURES
    assert capsys.readouterr().err.count("\n") == 1
