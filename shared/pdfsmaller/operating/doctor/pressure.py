"""Memory, and how long somebody waits for it or for disks (the kernel's pressure stall information)."""

from __future__ import annotations

import re

from pdfsmaller.operating.doctor.finding import Finding, State, above, ok, skipped
from pdfsmaller.operating.doctor.site import Site

_LINE = re.compile(r"^(some|full) avg10=\S+ avg60=(\S+)", re.MULTILINE)
_FEWER = "ps aux --sort=-rss | head; fewer workers (WORKER_CONCURRENCY), or more memory"
_QUIETER = "iostat -x 1; fewer workers (WORKER_CONCURRENCY), or a quicker disk"


def memory(site: Site) -> list[Finding]:
    """What is left, and how much of the swap is in use."""
    told = {
        name: int(rest.split()[0]) * 1_024
        for name, rest in (line.split(":", 1) for line in (site.proc / "meminfo").read_text().splitlines())
    }
    taken = 100 * (1 - told["MemAvailable"] / told["MemTotal"])
    found = f"{told['MemAvailable'] / 1e9:.1f} of {told['MemTotal'] / 1e9:.1f} GB can be had"
    findings = [above("memory", taken, found, _FEWER, warn=90, fail=95)]
    if told["SwapTotal"]:
        percent = 100 * (1 - told["SwapFree"] / told["SwapTotal"])
        found = f"{percent:.0f} % of {told['SwapTotal'] / 1e9:.1f} GB are in use"
        findings.append(above("swap", percent, found, _FEWER, warn=50, fail=90))
    return findings


def pressure(site: Site) -> list[Finding]:
    """How much of the last minute something waited for memory, or for disks."""
    return [
        _waited(site, "memory", _FEWER, some=10, full=10),
        _waited(site, "io", _QUIETER, some=40, full=40),
    ]


def _waited(site: Site, what: str, remedy: str, *, some: float, full: float) -> Finding:
    """A warning where some waited for more than so many per cent of the time, a failure where all did."""
    check = f"waiting for {'disks' if what == 'io' else what}"
    try:
        told = dict(_LINE.findall((site.proc / "pressure" / what).read_text()))
    except OSError:
        return skipped(check, "the kernel does not tell (CONFIG_PSI, psi=1)")
    waited = {name: float(percent) for name, percent in told.items()}
    found = f"somebody did for {waited['some']:.0f} %, everybody for {waited['full']:.0f} % of the last minute"
    for finding in (
        above(check, waited["full"], found, remedy, warn=full, fail=full),
        above(check, waited["some"], found, remedy, warn=some, fail=101),
    ):
        if finding.state is not State.OK:
            return finding
    return ok(check, found)
