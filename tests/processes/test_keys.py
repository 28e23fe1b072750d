"""``pdfsmaller keys``: keys of a data folder, and of whatever store the environment names."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from pdfsmaller.cli.app import run as run_here
from tests.aws_stack import Stack
from tests.processes.served import run


class TestOfAFolder:
    def test_are_made_listed_and_revoked_before_anything_runs(self, tmp_path: Path) -> None:
        made = run("keys", "create", "my phone", "--rate-limit", "10 per hour", "--data", tmp_path)
        assert made.returncode == 0, made.stderr
        assert made.stdout.startswith("pdfs_")
        assert made.stdout.count("\n") == 1, "a script takes it as it is"
        assert "shown just this once" in made.stderr
        _, key_id, secret = made.stdout.strip().split("_")
        assert secret.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
        [row] = json.loads(run("keys", "list", "--json", "--data", tmp_path).stdout)
        assert (row["id"], row["name"], row["limits"], row["state"]) == (key_id, "my phone", "10 per hour", "in use")
        assert row["last_used"] is None
        revoked = run("keys", "revoke", key_id, "--data", tmp_path)
        assert (revoked.returncode, revoked.stdout) == (0, "")
        shown = run("keys", "list", "--data", tmp_path).stdout.splitlines()
        assert shown[0].split() == ["ID", "CREATED", "LAST", "USED", "LIMITS", "STATE", "NAME"]
        assert "revoked 20" in shown[1]
        with sqlite3.connect(tmp_path / "jobs.db") as database:
            assert database.execute("SELECT count(*) FROM api_keys").fetchone() == (1,)

    @pytest.mark.parametrize(
        ("arguments", "code", "said"),
        [
            (("create", "a", "--rate-limit", "lots"), 2, "100 per hour"),
            (("create", "x" * 101), 2, "visible characters"),
            (("revoke", "0" * 16), 2, "`pdfsmaller keys list` shows"),
        ],
    )
    def test_what_makes_no_sense_is_said_in_one_line(
        self, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
    ) -> None:
        ran = run("keys", *arguments, "--data", tmp_path)
        assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (code, "", 1)
        assert said in ran.stderr


def test_of_a_database_that_has_no_tables_none_is_made(tmp_path: Path) -> None:
    ran = run(
        "keys",
        "create",
        "a",
        DATABASE_URL=f"sqlite:///{tmp_path / 'jobs.db'}",
        STORAGE_URL=str(tmp_path / "f"),
        SECRET_KEY="k" * 20,
    )
    assert ran.returncode == 7
    assert "has no tables yet" in ran.stderr


def test_of_a_table_on_aws(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("JOBS_TABLE", stack.settings.jobs_table)
    assert run_here(["keys", "create", "a phone"]) == 0
    key = capsys.readouterr().out.strip()
    known = stack.world.keys.known(key)
    assert known
    assert run_here(["keys", "revoke", known.key_id]) == 0
    assert [made.revoked_at is not None for made in stack.world.keys.all()] == [True]
    assert run_here(["keys", "list"]) == 0
    assert known.key_id in capsys.readouterr().out
