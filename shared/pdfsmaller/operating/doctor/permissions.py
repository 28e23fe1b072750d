"""Who may read and write what: the settings, the data, its key, the backups."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pdfsmaller.operating.doctor.finding import Finding, failed, ok, skipped, warning
from pdfsmaller.operating.doctor.site import Site

_GROUP_WRITES, _OTHERS = stat.S_IWGRP, stat.S_IRWXO


def env_file(site: Site) -> list[Finding]:
    """It holds secrets: only its owner writes it, and only the service's group may read it besides."""
    check, path = "permissions of the settings", site.env_file
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return [skipped(check, f"there is no {path}")]
    except PermissionError:
        return [skipped(check, f"this user may not look at {path}")]
    said = f"{path} is {stat.S_IMODE(mode):04o}"
    if mode & _OTHERS:
        return [failed(check, f"{said}: everybody can get at its secrets", f"chmod 0640 {path}")]
    if mode & _GROUP_WRITES:
        return [warning(check, f"{said}: its group can change it", f"chmod 0640 {path}")]
    return [ok(check, said)]


def data(site: Site) -> list[Finding]:
    """What the service keeps is its own, and it can write there."""
    found = []
    if site.data:
        found.append(_folder("permissions of the data", site.data))
    if site.database and site.database.exists():
        found.append(_kept("permissions of the database", site.database))
    if site.data and (key := site.data / "secret.key").exists():
        found.append(_kept("permissions of the key", key))
    if site.backups and site.backups.is_dir():
        found.append(_kept("permissions of the backups", site.backups))
    if site.database and site.database.exists():
        found.append(_owner(site.database))
    return found


def _owner(database: Path) -> Finding:
    """Whose the files of a database are: what root makes there, running a command, the service cannot write to."""
    check, home = "owner of the database", database.parent
    others = [path.name for path in home.glob(f"{database.name}*") if path.stat().st_uid != home.stat().st_uid]
    if others:
        said = f"{', '.join(sorted(others))} do not belong to whom {home} belongs to"
        return failed(check, said, f"chown --reference={home} {database}*; run commands as the service's user")
    return ok(check, f"whoever has {home}")


def _folder(check: str, path: Path) -> Finding:
    if not path.is_dir():
        return failed(check, f"there is no folder {path}", "pdfsmaller admin init")
    if not os.access(path, os.W_OK | os.X_OK):
        return failed(check, f"this user cannot write to {path}", f"chown -R pdfsmaller: {path}")
    return _kept(check, path)


def _kept(check: str, path: Path) -> Finding:
    """What nobody else should get at."""
    try:
        mode = path.stat().st_mode
    except OSError as exc:
        return skipped(check, f"{path} cannot be looked at ({exc.strerror})")
    said = f"{path} is {stat.S_IMODE(mode):04o}"
    if not mode & _OTHERS:
        return ok(check, said)
    if closed := next((folder for folder in path.parents if not folder.stat().st_mode & stat.S_IXOTH), None):
        return ok(check, f"{said}, in {closed}, which is closed to others")
    return warning(check, f"{said}: everybody on this host can get at it", f"chmod o= {path}")
