"""What the store knows of the service: its tables, its workers, what waits, what was done when."""

from __future__ import annotations

import time

from pdfsmaller import __version__
from pdfsmaller.engine.confinement import BOUNDS
from pdfsmaller.jobs.upkeep import Schema
from pdfsmaller.operating import backups
from pdfsmaller.operating.doctor.finding import Finding, above, duration, failed, ok, warning
from pdfsmaller.operating.doctor.site import Site
from pdfsmaller.services.figures import BACKUP, CLEANUP_RUN, Series

_WORKER = "pdfsmaller-worker@1"
_NO_WORKER = f"systemctl enable --now {_WORKER}; journalctl -u {_WORKER} -n 50"
_CLEANUP = "systemctl enable --now pdfsmaller-cleanup.timer; journalctl -u pdfsmaller-cleanup -n 50"
_BACKUP = "systemctl enable --now pdfsmaller-backup.timer, or pdfsmaller admin backup"


def schema(site: Site) -> list[Finding]:
    """Whether the database answers, and its tables are this program's."""
    upkeep = site.upkeep
    try:
        found: Schema = upkeep.schema()
    finally:
        upkeep.close()
    if found.is_current:
        return [ok("schema", f"the tables are of version {found.found}")]
    if found.found is None:
        return [failed("schema", "there are no tables yet", "pdfsmaller admin init")]
    if found.found in found.known:
        said = f"the tables are of version {found.found}, and {found.wanted} is needed"
        return [failed("schema", said, "pdfsmaller admin backup, then pdfsmaller admin migrate")]
    said = f"the tables are of version {found.found}, which is newer than this program knows ({found.wanted})"
    return [failed("schema", said, "install the version that made them, or restore a backup of this one's")]


def workers(site: Site) -> list[Finding]:
    """Whether somebody does the jobs, with this program's version and in a sandbox."""
    known = site.world.workers
    assert known, "workers of a server of one's own tell of themselves"
    alive = known.alive(site.settings.lease_seconds)
    if not alive:
        return [failed("workers", f"none was seen for {site.settings.lease_seconds:.0f} s: jobs wait", _NO_WORKER)]
    said = f"{len(alive)} on {len({one.host for one in alive})} host(s)"
    if others := sorted({one.version for one in alive if one.version != __version__}):
        said = f"{said}; some are of version {', '.join(others)}, and {__version__} is installed"
        return [warning("workers", said, "systemctl restart 'pdfsmaller-worker@*'")]
    if loose := sorted({bound for one in alive for bound in BOUNDS if bound not in one.bounds}):
        said = f"{said}; {', '.join(loose)} does not bind all of their engines"
        return [warning("workers", said, "see the finding `sandbox` on their hosts")]
    return [ok("workers", said)]


def backlog(site: Site) -> list[Finding]:
    """What waits for longest, and what was given up."""
    behind, at = site.world.queue.backlog(), site.world.queue.depth()
    waited, dead = behind.oldest_seconds or 0.0, behind.dead_letters or 0
    found = f"{at['waiting']} wait, the oldest for {duration(waited)}; {at['in_flight']} run"
    letters = f"{dead} message(s) were given up after MAX_RECEIVE_COUNT attempts"
    return [
        above("queue", waited, found, "more workers, or see why these do nothing", warn=300, fail=1_800),
        warning("dead letters", letters, "pdfsmaller admin redrive, once the cause is mended")
        if dead
        else ok("dead letters", "none"),
    ]


def cleanup(site: Site) -> list[Finding]:
    """When cleanup last ran: without it nothing is deleted, and lost jobs stay lost."""
    ran_at = _figure(site, CLEANUP_RUN)
    if ran_at is None:
        return [warning("cleanup", "it has never run", _CLEANUP)]
    ago = max(0.0, time.time() - ran_at)
    return [above("cleanup", ago, f"it last ran {duration(ago)} ago", _CLEANUP, warn=600, fail=7_200)]


def backup(site: Site) -> list[Finding]:
    """When a backup was last made."""
    made = [one.made_at for one in backups.all_in(site.backups)] if site.backups else []
    made_at = max([*made, _figure(site, BACKUP) or 0.0])
    if not made_at:
        return [warning("backup", "none was ever made", _BACKUP)]
    ago = max(0.0, time.time() - made_at)
    day = 86_400
    return [above("backup", ago, f"the last one was made {duration(ago)} ago", _BACKUP, warn=1.2 * day, fail=3 * day)]


def _figure(site: Site, series: Series) -> float | None:
    figures = site.world.figures
    assert figures, "a server of one's own keeps figures"
    return next((one.value for one in figures.all() if one.name == series.name), None)
