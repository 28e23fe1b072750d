from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pdfsmaller.errors import InvalidSettings
from pdfsmaller.settings import DEVELOPMENT_KEY, Settings, read_settings


def test_sizes_take_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_FILE_SIZE", "25MB")
    assert Settings().max_file_size == 25_000_000


def test_lists_are_comma_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.example, https://b.example,")
    assert Settings().allowed_origins == ["https://a.example", "https://b.example"]


def test_empty_means_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "DROP_MAX_AGE_HOURS",
        "S3_PUBLIC_ENDPOINT_URL",
        "PUBLIC_BASE_URL",
        "ALLOWED_ORIGINS",
        "TRUSTED_PROXIES",
    ):
        monkeypatch.setenv(name, "")
    settings = Settings()
    assert settings.drop_max_age_hours is None
    assert settings.s3_public_endpoint_url is None
    assert settings.allowed_origins == []


def test_the_engine_stops_improving_before_it_is_killed() -> None:
    limits = Settings(engine_timeout_seconds=100).limits()
    assert limits.soft_seconds < limits.hard_seconds == 100


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("API_KEYS_REQUIRED", "perhaps", "valid boolean"),
        ("RATE_LIMIT_DEFAULT", "", "RATE_LIMIT_ENABLED=false"),
        ("RATE_LIMIT_DEFAULT", "many per hour", "such as 100 per hour"),
        ("RATE_LIMIT_DEFAULT", "0 per hour", "such as 100 per hour"),
        ("RATE_LIMIT_DEFAULT", "5 per day; per hour", "such as 100 per hour"),
        ("TRUSTED_PROXIES", "my proxy", "networks such as 10.0.0.0/8"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "host bits set"),
        ("SECRET_KEY", "x", "at least 20 characters"),
        ("SECRET_KEY", "change-me-in-production", "stands in an example"),
        ("SECRET_KEY", "CHANGE_THIS_TO_SOMETHING_RANDOM", "stands in an example"),
        ("SECRET_KEY", "your-secret-key-goes-here", "stands in an example"),
        ("SECRET_KEY", "dev-secret-key-0123456789", "stands in an example"),
        ("SECRET_KEY", "django-insecure-0a9b8c7d6e5f", "stands in an example"),
        ("SECRET_KEY", DEVELOPMENT_KEY, "for development alone"),
        ("PORT", "65536", "less than or equal to 65535"),
        ("WORKERS", "0", "greater than"),
        ("WORKER_CONCURRENCY", "all", "integer"),
        ("LOG_MAX_BYTES", "-1", "not a size"),
        ("LOG_BACKUP_COUNT", "0", "greater than or equal to 1"),
        ("HEARTBEAT_SECONDS", "300", "a third of LEASE_SECONDS"),
        ("LEASE_SECONDS", "1", "a third of LEASE_SECONDS"),
        ("LEASE_SECONDS", "nan", "finite"),
        ("MAX_REQUEST_SIZE", "1MB", "MAX_FILE_SIZE"),
        ("UPLOAD_EXPIRES_SECONDS", "-5", "greater than"),
        ("MAX_FILE_AGE_HOURS", "0", "greater than 0"),
        ("DROP_MAX_AGE_HOURS", "-1", "greater than 0"),
        ("MAX_PAGES", "0", "greater than"),
        ("MAX_RECEIVE_COUNT", "many", "integer"),
        ("ENGINE_TIMEOUT_SECONDS", "0", "greater than 0"),
        ("ENGINE_MEMORY_BYTES", "10MB", "200000000"),
        ("ALLOWED_ORIGINS", "https://a.example/page", "origins such as"),
        ("ALLOWED_HOSTS", "https://a.example", "host names"),
        ("PUBLIC_BASE_URL", "pdf.example.org", "https://pdf.example.org"),
        ("LOG_LEVEL", "LOUD", "DEBUG"),
        ("DATABASE_URL", "mysql://h/n", "sqlite:// or postgresql://"),
        ("STORAGE_URL", "/srv/files", "where DATABASE_URL is"),
        ("STORAGE_FULL_PERCENT", "101", "less than or equal to 100"),
        ("X_ACCEL_PREFIX", "stored files", "a path such as /stored"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_the_remedy(name: str, value: str, remedy: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        read_settings({name: value})
    said = str(caught.value)
    assert remedy in said
    assert said.count("\n") == 2
    assert "explains each" in said
    if name == "SECRET_KEY":
        assert "(hidden)" in said


def test_a_server_of_ones_own_has_a_database_and_a_place_for_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:////srv/jobs.db")
    monkeypatch.setenv("UPLOAD_FOLDER", "/srv/files")
    monkeypatch.setenv("SECRET_KEY", "for these tests alone")
    assert Settings().storage_url == "/srv/files"
    monkeypatch.setenv("STORAGE_URL", "s3://")
    monkeypatch.delenv("SECRET_KEY")
    assert Settings().storage_url == "s3://"


def test_a_folder_of_files_is_nothing_without_a_key_to_sign_with() -> None:
    with pytest.raises(InvalidSettings, match="should be set where files are in a folder"):
        read_settings({"DATABASE_URL": "sqlite:////srv/jobs.db", "STORAGE_URL": "/srv/files"})


def test_jobs_are_in_one_world_only() -> None:
    both = {"COMPRESS_QUEUE_URL": "https://sqs", "DATABASE_URL": "postgresql://u:hunter2@h/n", "STORAGE_URL": "/srv"}
    with pytest.raises(InvalidSettings, match="either on AWS or in a database") as caught:
        read_settings(both)
    assert "hunter2" not in str(caught.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InvalidSettings) as caught:
        read_settings({"MAX_PAGES": "0", "LOG_LEVEL": "LOUD"})
    assert "MAX_PAGES is '0'" in str(caught.value)
    assert "LOG_LEVEL is 'LOUD'" in str(caught.value)


def test_a_function_does_not_start_with_them_and_says_why_in_words() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from pdfsmaller.settings import get_settings; get_settings()"],
        env={"PYTHONPATH": str(Path(__file__).parents[1] / "shared"), "SECRET_KEY": "short"},
        capture_output=True,
        text=True,
    )
    assert run.returncode != 0
    assert run.stderr.startswith("error: These settings cannot be used:\n  SECRET_KEY is (hidden): ")
    assert "Traceback" not in run.stderr


def test_keys_that_are_required_need_links_that_can_be_signed() -> None:
    with pytest.raises(InvalidSettings, match=r"SECRET_KEY is \(hidden\): should be set where API_KEYS_REQUIRED is"):
        read_settings({"API_KEYS_REQUIRED": "true"})
    assert read_settings({"API_KEYS_REQUIRED": "true", "SECRET_KEY": "k" * 20}).api_keys_required


@pytest.mark.parametrize("key", ["k" * 20, "0123456789abcdef" * 4, "correct horse battery staple"])
def test_keys_of_ones_own_are_taken(key: str) -> None:
    assert read_settings({"SECRET_KEY": key}).secret_key == key


def test_debug_lowers_the_level_and_lets_the_key_for_development_be() -> None:
    settings = read_settings({"DEBUG": "true", "LOG_LEVEL": "ERROR", "SECRET_KEY": DEVELOPMENT_KEY})
    assert settings.lowest_level == "DEBUG"
    assert read_settings({"LOG_LEVEL": "error"}).lowest_level == "ERROR"


def test_secrets_do_not_show_in_logs() -> None:
    assert "hunter2" not in repr(Settings(secret_key="hunter2" * 3))


def test_the_local_stack_is_not_started_with_settings_that_make_no_sense() -> None:
    root = Path(__file__).parents[1]
    run = subprocess.run(
        [sys.executable, "-m", "pdfsmaller_local", "local"],
        env={"PYTHONPATH": f"{root / 'shared'}:{root / 'localstack'}", "SECRET_KEY": "short", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert run.stderr.startswith("error: SECRET_KEY is (hidden): should have at least 20 characters")
    assert run.stderr.count("\n") == 1
