"""nginx before the service: its configuration, whether it runs, and the certificates that it has."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from pdfsmaller.operating.doctor.finding import Finding, failed, ok, skipped
from pdfsmaller.operating.doctor.programs import Ran, run
from pdfsmaller.operating.doctor.site import Site

_CERTIFICATE = re.compile(r"^\s*ssl_certificate\s+\"?([^\s\";$]+)\"?\s*;", re.MULTILINE)
_OURS = "pdfsmaller"


def nginx(site: Site) -> list[Finding]:
    """Whether its configuration is sound and it runs."""
    tested = _tested(site)
    if tested is None or not site.nginx_conf.exists():
        return [skipped("nginx", "it is not installed here")]
    if tested.code and _is_denied(tested):
        runs = "it runs; " if any(_running(site.proc)) else ""
        return [skipped("nginx", f"{runs}only root can test its configuration")]
    if tested.code:
        return [failed("nginx", f"its configuration: {_first_complaint(tested.err)}", "nginx -t")]
    if _OURS not in tested.out:
        return [skipped("nginx", "nothing in its configuration is for PDF Smaller")]
    if not any(_running(site.proc)):
        return [failed("nginx", "its configuration is sound, and it does not run", "systemctl start nginx")]
    return [ok("nginx", "its configuration is sound, and it runs")]


def certificates(site: Site) -> list[Path]:
    """The files of certificates that its configuration names; none where that cannot be read."""
    tested = _tested(site)
    if tested is None or tested.code or _OURS not in tested.out:
        return []
    return sorted({Path(name) for name in _CERTIFICATE.findall(tested.out)})


def _tested(site: Site) -> Ran | None:
    return run("nginx", "-T", "-c", str(site.nginx_conf))


def _is_denied(tested: Ran) -> bool:
    return os.geteuid() != 0 and "Permission denied" in tested.err


def _first_complaint(said: str) -> str:
    lines = [line for line in said.splitlines() if "[emerg]" in line or "[crit]" in line] or said.splitlines()
    return lines[0].removeprefix("nginx: ") if lines else "nginx -t fails without a word"


def _running(proc: Path) -> Iterator[int]:
    for comm in proc.glob("[0-9]*/comm"):
        try:
            if comm.read_text().strip() == "nginx":
                yield int(comm.parent.name)
        except OSError:
            continue  # it has ended meanwhile
