"""Versions of PDF Smaller made by tests: copies of this checkout with what an upgrade may bring."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_MIGRATION = '''"""A table more."""

import sqlalchemy as sa
from alembic import op

revision = "{new}"
down_revision = "{old}"


def upgrade() -> None:
    op.create_table("{new}", sa.Column("name", sa.String(64), primary_key=True))
'''


def made(folder: Path, version: str, *, of: Path = ROOT, tables: bool = False, starts: bool = True) -> Path:
    """A checkout of such a version.

    Args:
        of: the version that it follows.
        tables: whether it brings the database's tables to a new version.
        starts: whether its page and API can be started.
    """
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("shared", "deploy", "requirements"):
        shutil.copytree(of / name, folder / name, ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(of / name, folder)
    package = folder / "shared" / "pdfsmaller"
    _change(package / "__init__.py", r'__version__ = ".*"', f'__version__ = "{version}"')
    if tables:
        _add_table(package / "server" / "database")
    if not starts:
        wsgi = package / "processes" / "wsgi.py"
        wsgi.write_text(wsgi.read_text() + '\nraise RuntimeError("this version does not start")\n')
    return folder


def wheel(checkout: Path, folder: Path) -> None:
    """Put a checkout's wheel into a folder."""
    source = shutil.copytree(checkout, folder / "source")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, source],
        check=True,
    )
    shutil.rmtree(source)


def _add_table(database: Path) -> None:
    schema = database / "schema.py"
    [old] = re.findall(r'^VERSIONS = .*"(v\d{4})"\)$', schema.read_text(), re.MULTILINE)
    new = f"v{int(old[1:]) + 1:04}"
    _change(schema, rf'"{old}"\)', f'"{old}", "{new}")')
    schema.write_text(
        schema.read_text() + f'\n{new} = Table("{new}", metadata, Column("name", String(64), primary_key=True))\n'
    )
    (database / "migrations" / "versions" / f"{new}.py").write_text(_MIGRATION.format(old=old, new=new))


def _change(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text())
    assert count == 1, path
    path.write_text(text)
