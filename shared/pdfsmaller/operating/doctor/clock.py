"""Whether clocks agree: leases, links and certificates go by them."""

from __future__ import annotations

import time

from pdfsmaller.operating.doctor.finding import Finding, above, ok, skipped, warning
from pdfsmaller.operating.doctor.programs import run
from pdfsmaller.operating.doctor.site import Site

_WARN_SECONDS, _FAIL_SECONDS = 2.0, 30.0
_SYNCHRONISE = "timedatectl set-ntp true; timedatectl timesync-status"


def clock_of_the_database(site: Site) -> list[Finding]:
    """The database's clock beside the host's."""
    before = time.time()
    theirs = site.world.jobs.now()
    apart = abs(theirs - (before + time.time()) / 2)
    found = f"it is {apart:.1f} s from this host's"
    return [above("clock of the database", apart, found, _SYNCHRONISE, warn=_WARN_SECONDS, fail=_FAIL_SECONDS)]


def synchronised(site: Site) -> list[Finding]:
    """Whether something keeps the host's clock right."""
    ran = run("timedatectl", "show", "--property=NTPSynchronized", "--value")
    if ran is None or ran.code:
        return [skipped("clock", "timedatectl does not tell whether it is kept right")]
    if ran.out.strip() == "yes":
        return [ok("clock", "it is synchronised")]
    return [warning("clock", "nothing keeps it right", _SYNCHRONISE)]
