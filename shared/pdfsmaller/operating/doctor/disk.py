"""The room on the disks that the service writes to, and how quickly one of them keeps what is written."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from pdfsmaller.operating.doctor.finding import Finding, above, skipped
from pdfsmaller.operating.doctor.site import Site

_WARN_PERCENT, _FAIL_PERCENT = 80.0, 90.0
_REMEDY = "du -xh --max-depth=2 {path} | sort -h | tail; lower MAX_FILE_AGE_HOURS or BACKUP_KEEP_DAYS; enlarge the disk"
_MANY_FILES = "df -i {path}; lower MAX_FILE_AGE_HOURS, or make the file system with more inodes"
_WRITES = 5
_WARN_MS, _FAIL_MS = 100.0, 1_000.0


def disks(site: Site) -> list[Finding]:
    """Each disk that something of the service lies on, once: its bytes, and its inodes where they are counted."""
    places: dict[int, Path] = {}
    for path in filter(None, (site.data, site.database, site.backups, Path(tempfile.gettempdir()), Path("/"))):
        there = next(folder for folder in (path, *path.parents) if folder.exists())
        places.setdefault(there.stat().st_dev, there)
    return [finding for path in places.values() for finding in _room(path)]


def _room(path: Path) -> list[Finding]:
    told = os.statvfs(path)
    used, free = told.f_blocks - told.f_bfree, told.f_bavail  # what is reserved for root is nobody's
    if used + free == 0:
        return [skipped(f"disk {path}", "it does not tell how large it is")]
    percent = 100 * used / (used + free)
    found = f"{percent:.0f} % full, {free * told.f_frsize / 1e9:.1f} GB are left"
    limits = {"warn": _WARN_PERCENT, "fail": _FAIL_PERCENT}
    findings = [above(f"disk {path}", percent, found, _REMEDY.format(path=path), **limits)]
    if told.f_files:
        percent = 100 * (told.f_files - told.f_ffree) / told.f_files
        found = f"{percent:.0f} % of them are in use"
        findings.append(above(f"inodes of {path}", percent, found, _MANY_FILES.format(path=path), **limits))
    return findings


def writing(site: Site) -> list[Finding]:
    """How long the disk of the data takes to keep a few bytes for good, as the database does at each step of a job."""
    check = "writing to the disk"
    folder = site.database.parent if site.database else site.data
    if folder is None or not os.access(folder, os.W_OK | os.X_OK):
        return [skipped(check, "there is no folder here that this user writes to")]
    taken = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_WRITES):
            begun = time.monotonic()
            file.write(bytes(4_096))
            file.flush()
            os.fsync(file.fileno())
            taken.append(time.monotonic() - begun)
    milliseconds = sorted(taken)[_WRITES // 2] * 1_000
    found = f"{milliseconds:.1f} ms until 4 KB are kept for good"
    remedy = "iostat -x 1; see what else writes to this disk, or move the data to a quicker one"
    return [above(check, milliseconds, found, remedy, warn=_WARN_MS, fail=_FAIL_MS)]
