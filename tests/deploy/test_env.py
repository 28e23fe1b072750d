"""The settings samples of deploy/env."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests
from dotenv import dotenv_values
from pydantic import AliasChoices

from pdfsmaller.errors import InvalidSettings
from pdfsmaller.settings import Settings, read_settings
from tests import documents
from tests.processes.served import Served

ROOT = Path(__file__).parents[2]
PRODUCTION, DEVELOPMENT = (ROOT / "deploy" / "env" / name for name in (".env.production", ".env.development"))
KNOWN = {
    str(name).upper()
    for own, field in Settings.model_fields.items()
    for name in (own, *(field.validation_alias.choices if isinstance(field.validation_alias, AliasChoices) else ()))
}


def values(path: Path) -> dict[str, str]:
    return {name: value or "" for name, value in dotenv_values(path, interpolate=False).items()}


@pytest.mark.parametrize("path", [PRODUCTION, DEVELOPMENT], ids=lambda path: path.name)
class TestBoth:
    def test_hold_settings_that_there_are(self, path: Path) -> None:
        commented = re.findall(r"^#([A-Z_]+)=", path.read_text(), re.MULTILINE)
        assert {*values(path), *commented} <= KNOWN

    def test_mean_the_same_to_whoever_reads_them(self, path: Path) -> None:
        """systemd takes all behind the equals sign, a shell stops at a space, python-dotenv at a number sign."""
        for line in path.read_text().splitlines():
            assert re.fullmatch(r"""|#.*|[A-Z_]+=([\w./:,%-]*|"[\w ./:,%-]*")""", line), line


def test_production_is_not_taken_before_it_has_a_key_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    given = values(PRODUCTION)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings, match=r"SECRET_KEY is \(hidden\): should be none that stands in an example"):
        read_settings()
    monkeypatch.setenv("SECRET_KEY", "0f" * 32)
    settings = read_settings()
    assert (settings.max_file_size, settings.max_file_age_hours) == (100_000_000, 1)
    assert (settings.lowest_level, settings.debug) == ("WARNING", False)
    assert settings.storage_url == "/var/lib/pdfsmaller/files"
    assert settings.worker_concurrency == 4
    assert settings.rate_limit_enabled


def test_development_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in values(DEVELOPMENT).items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert (settings.max_file_size, settings.max_file_age_hours) == (50_000_000, 24)
    assert (settings.lowest_level, settings.debug, settings.worker_concurrency) == ("DEBUG", True, 4)


def test_development_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its paths are relative: to where it is started."""
    monkeypatch.chdir(tmp_path)
    one = Served(tmp_path / "pdfsmaller-data", PDFSMALLER_ENV_FILE=str(DEVELOPMENT))
    try:
        assert (tmp_path / "pdfsmaller-data" / "jobs.db").exists()
        done = one.finished(one.post(documents.text())["job_id"])
        assert done["status"] == "succeeded"
        assert list((tmp_path / "pdfsmaller-data" / "files").rglob("*"))
        answer = requests.get(f"{one.url}/api/jobs/nonsense", timeout=30)
        assert "Traceback" not in answer.text
        assert '"message":"request"' in one.said()
        assert '"thread":"' in one.said()
        assert one.stop() == 0
    finally:
        one.kill()
