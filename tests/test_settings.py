from __future__ import annotations

from pathlib import Path

import pytest

from pdfsmaller.settings import Settings


def test_sizes_take_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_FILE_SIZE", "25MB")
    assert Settings().max_file_size == 25_000_000


def test_lists_are_comma_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.example, https://b.example,")
    assert Settings().allowed_origins == ["https://a.example", "https://b.example"]


def test_empty_means_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DROP_MAX_AGE_HOURS", "S3_PUBLIC_ENDPOINT_URL", "PUBLIC_BASE_URL", "ALLOWED_ORIGINS", "API_KEYS"):
        monkeypatch.setenv(name, "")
    settings = Settings()
    assert settings.drop_max_age_hours is None
    assert settings.s3_public_endpoint_url is None
    assert settings.allowed_origins == []
    assert settings.api_keys == []


def test_the_engine_stops_improving_before_it_is_killed() -> None:
    limits = Settings(soft_timeout_seconds=100).limits()
    assert limits.soft_seconds < limits.hard_seconds == 100


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    example = (Path(__file__).parents[1] / ".env.example").read_text()
    documented = {line.lstrip("# ").split("=")[0] for line in example.splitlines() if "=" in line.split(" ")[0]}
    ours = {name.upper() for name in Settings.model_fields}
    assert ours <= documented
    assert documented - ours <= {"AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "PORT", "EMULATOR", "EMULATOR_PORT"}
