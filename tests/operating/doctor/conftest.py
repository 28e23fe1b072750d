from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller import wire
from pdfsmaller.operating.doctor.finding import Finding, State
from pdfsmaller.operating.doctor.site import Site
from pdfsmaller.operating.place import Place
from pdfsmaller.settings import Settings

KEY = "a key for tests only, and long enough to be one"


def settings_of(folder: Path, **changes: Any) -> Settings:
    """A server of one's own in a folder, as it is set up by settings."""
    made = {"database_url": f"sqlite:///{folder / 'jobs.db'}", "storage_url": str(folder / "files"), "secret_key": KEY}
    return Settings(**made | changes)


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., Site]:
    """Makes a site, with its tables, on a folder of the test's own. What is no attribute of sites is a setting."""

    def make(**changes: Any) -> Site:
        own = {name: changes.pop(name) for name in list(changes) if name in Site.__dataclass_fields__}
        settings = settings_of(tmp_path, **changes)
        wire.prepare(settings, processes=1)
        return Site(Place(settings, None), **{"env_file": tmp_path / "no.env", "systemd": tmp_path / "none"} | own)

    return make


@pytest.fixture
def own_environment() -> Iterator[None]:
    """What a command puts into the environment is gone after the test."""
    environ, folder = dict(os.environ), tempfile.tempdir
    yield
    os.environ.clear()
    os.environ.update(environ)
    tempfile.tempdir = folder


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Puts a shell script before the host's programs: one that is not here, or would not do what a test needs."""
    from pdfsmaller.operating.doctor import programs

    folder = tmp_path / "bin"

    def put(name: str, script: str) -> Path:
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(programs, "_PATH", f"{folder}:{os.environ['PATH']}:/usr/sbin:/sbin")
        return path

    return put


def states(findings: list[Finding]) -> dict[str, State]:
    """How each thing is."""
    return {finding.check: finding.state for finding in findings}
