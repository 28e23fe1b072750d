"""Whether clocks agree: leases, links and certificates go by them."""

from __future__ import annotations

import time

from pdfsmaller.operating.doctor.finding import Finding, above, ok, skipped, warning
from pdfsmaller.operating.doctor.programs import run
from pdfsmaller.operating.doctor.site import Site

#: Asked so often, the quickest answer counts: the first one has to connect.
_TIMES = 3
_WARN_SECONDS, _FAIL_SECONDS = 2.0, 30.0
_SYNCHRONISE = "timedatectl set-ntp true; timedatectl timesync-status"


def clock_of_the_database(site: Site) -> list[Finding]:
    """The database's clock beside the host's."""
    apart = min((_ahead(site) for _ in range(_TIMES)), key=abs)
    found = f"it is {abs(apart):.1f} s {'ahead of' if apart > 0 else 'behind'} this host's"
    return [above("clock of the database", abs(apart), found, _SYNCHRONISE, warn=_WARN_SECONDS, fail=_FAIL_SECONDS)]


def _ahead(site: Site) -> float:
    """By how many seconds, as far as the way there and back lets it be told."""
    before = time.time()
    theirs = site.world.jobs.now()
    return theirs - (before + time.time()) / 2


def synchronised(site: Site) -> list[Finding]:
    """Whether something keeps the host's clock right."""
    ran = run("timedatectl", "show", "--property=NTPSynchronized", "--value")
    if ran is None or ran.code:
        return [skipped("clock", "timedatectl does not tell whether it is kept right")]
    if ran.out.strip() == "yes":
        return [ok("clock", "it is synchronised")]
    return [warning("clock", "nothing keeps it right", _SYNCHRONISE)]
