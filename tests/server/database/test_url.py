from __future__ import annotations

import pytest

from pdfsmaller.errors import UnsuitableDatabase
from pdfsmaller.server.database.url import parse


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///jobs.db", "sqlite+pysqlite"),
        ("sqlite:////srv/jobs.db", "sqlite+pysqlite"),
        ("postgresql://me:secret@host:5433/name?sslmode=require", "postgresql+psycopg"),
        ("postgres:///name?host=/run/postgresql", "postgresql+psycopg"),
        ("postgresql+psycopg://host/name", "postgresql+psycopg"),
    ],
)
def test_databases_that_can_be_used_and_by_what(url: str, driver: str) -> None:
    assert parse(url).drivername == driver


@pytest.mark.parametrize(
    "url",
    [
        "",
        "secret-password",
        "/srv/jobs.db",
        "mysql://me:secret-password@host/name",
        "postgresql+psycopg2://me:secret-password@host/name",
        "postgresql://me:secret-password@host:port/name",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:jobs.db?mode=ro&uri=true",
    ],
)
def test_others_are_refused_with_the_remedy_and_without_their_password(url: str) -> None:
    with pytest.raises(UnsuitableDatabase) as caught:
        parse(url)
    assert "postgresql://" in caught.value.message
    assert "secret-password" not in caught.value.message
    assert "\n" not in caught.value.message
