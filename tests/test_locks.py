"""Every environment is installed from a lock with hashes, and the locks hold what is asked for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements"
LOCKS = [*sorted(REQUIREMENTS.glob("*.txt")), ROOT / "localstack" / "requirements-localstack.txt"]


def locked(path: Path) -> dict[str, list[str]]:
    """The versions of each package in a lock: several where they depend on the platform."""
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;]+)", path.read_text(), re.MULTILINE):
        found.setdefault(canonicalize_name(name), []).append(version)
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_of_a_lock_has_hashes(lock: Path) -> None:
    entries = re.split(r"\n(?=[\w])", "\n".join(line for line in lock.read_text().splitlines() if line[:1] != "#"))
    assert len(entries) > 1
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("local", ["service", "emulator"]),
        ("server", ["server", "s3"]),
        ("dev", ["service", "server", "emulator", "dev"]),
    ],
)
def test_locks_hold_what_pyproject_asks_for(lock: str, extras: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    have = locked(REQUIREMENTS / f"{lock}.txt")
    for wanted in map(Requirement, asked):
        versions = have[canonicalize_name(wanted.name)]
        assert [version for version in versions if version not in wanted.specifier] == []


@pytest.mark.parametrize("lock", ["local", "server"])
def test_tests_run_with_what_the_service_runs_with(lock: str) -> None:
    dev, service = locked(REQUIREMENTS / "dev.txt"), locked(REQUIREMENTS / f"{lock}.txt")
    assert {name: dev.get(name) for name in service} == service


def test_a_server_gets_nothing_that_only_tests_need() -> None:
    assert {"pytest", "ruff", "mypy", "playwright", "ministack", "moto"} & set(
        locked(REQUIREMENTS / "server.txt")
    ) == set()


def test_what_builds_from_source_is_locked_too() -> None:
    assert {"setuptools", "cffi", "pkgconfig"} <= set(locked(REQUIREMENTS / "build.txt"))
    makefile = (ROOT / "Makefile").read_text()
    assert [line for line in makefile.splitlines() if "pip install" in line and "PIP_INSTALL" not in line] == []
    assert "--no-build-isolation" in (ROOT / "layers" / "packing" / "dependencies.py").read_text()


def test_nothing_is_looked_for_beside_a_lock() -> None:
    """pip takes a dependency with extras for another package than the locked one, and then the newest of it."""
    makefile = (ROOT / "Makefile").read_text()
    [options] = re.findall(r"^LOCKED = (.+)$", makefile, re.MULTILINE)
    assert {"--no-deps", "--require-hashes"} <= set(options.split())
    assert '"--no-deps"' in (ROOT / "localstack" / "pdfsmaller_local" / "localstack_venv.py").read_text()
