"""All checks, each in its time: what one raises, or does not come back from, is what was found there."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from pdfsmaller import __version__
from pdfsmaller.errors import CannotServe, PdfSmallerError
from pdfsmaller.operating.doctor import (
    certificate,
    clock,
    disk,
    endpoints,
    nginx,
    permissions,
    pressure,
    store,
    tools,
    units,
)
from pdfsmaller.operating.doctor.finding import Finding, State, failed, ok, skipped
from pdfsmaller.operating.doctor.site import ENV_FILE, Site
from pdfsmaller.operating.place import place

_SECONDS = 20.0
_SETTINGS = "settings"


class Needs(IntEnum):
    """What a check cannot do without."""

    NOTHING = 0
    SETTINGS = 1
    STORE = 2


@dataclass(frozen=True, slots=True)
class Check:
    """One of the doctor's looks.

    Attributes:
        name: what its finding is called where it does not come to one.
    """

    name: str
    look: Callable[[Site], list[Finding]]
    needs: Needs = Needs.NOTHING


#: Whether the store can be looked into. All that look there come after it.
SCHEMA = Check("schema", store.schema, Needs.SETTINGS)
CHECKS = (
    Check("units", units.units),
    Check("endpoints", endpoints.endpoints, Needs.SETTINGS),
    Check("version", endpoints.versions, Needs.SETTINGS),
    Check("nginx", nginx.nginx),
    Check("certificate", certificate.certificates),
    Check("tools", tools.tools),
    Check("permissions of the settings", permissions.env_file),
    Check("permissions of the data", permissions.data, Needs.SETTINGS),
    Check("clock", clock.synchronised),
    Check("disk", disk.disks, Needs.SETTINGS),
    Check("writing to the disk", disk.writing, Needs.SETTINGS),
    Check("memory", pressure.memory),
    Check("pressure", pressure.pressure),
    Check("clock of the database", clock.clock_of_the_database, Needs.STORE),
    Check("workers", store.workers, Needs.STORE),
    Check("queue", store.backlog, Needs.STORE),
    Check("cleanup", store.cleanup, Needs.STORE),
    Check("backup", store.backup, Needs.STORE),
)


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found, when (seconds since the epoch) and where."""

    findings: tuple[Finding, ...]
    at: float
    host: str = socket.gethostname()
    version: str = __version__

    @property
    def state(self) -> State:
        """The worst there is; what was skipped is none."""
        found = {finding.state for finding in self.findings}
        return next((state for state in (State.FAILED, State.WARNING) if state in found), State.OK)


def examine(*, data: Path | None, env_file: Path = ENV_FILE) -> tuple[Report, Site]:
    """Look at everything. Nothing is made or changed.

    Args:
        data: the folder of a ``serve``; None where the environment names database and storage.
    """
    site, settings = _site(data, env_file)
    return Report((settings, *looked_at(site)), time.time()), site


def looked_at(site: Site, checks: Sequence[Check] = CHECKS, seconds: float = _SECONDS) -> list[Finding]:
    """What the checks find, in their order.

    Args:
        seconds: how long all may take together; once for those that look into the store, and once for the others.
    """
    able = Needs.NOTHING if site.place is None else Needs.SETTINGS
    first = _together(site, [check for check in (SCHEMA, *checks) if check.needs <= able], seconds)
    is_ready = able and all(finding.state is State.OK for finding in first[SCHEMA.name])
    second = _together(site, [check for check in checks if check.needs is Needs.STORE and is_ready], seconds)
    found: list[Finding] = []
    for check in (SCHEMA, *checks):
        without = "the store cannot be looked into" if able else "the settings cannot be used"
        found += (first | second).get(check.name) or [skipped(check.name, without)]
    return found


def _site(data: Path | None, env_file: Path) -> tuple[Site, Finding]:
    """What is looked at, and whether its settings can be used."""
    try:
        if data and not (data / "inbox").is_dir():  # a look must not make what `serve` makes
            raise CannotServe(f"{data} is not the folder of a `serve`.")
        here = place(data)
        if here.is_on_aws:
            raise CannotServe("DATABASE_URL and STORAGE_URL name no server of one's own.")
    except PdfSmallerError as exc:
        remedy = f"correct them in {env_file}, and give them to this command: set -a; . {env_file}; set +a"
        return Site(None, env_file), failed(_SETTINGS, " ".join(exc.message.split()), remedy)
    return Site(here, env_file), ok(_SETTINGS, "they can be used")


def _together(site: Site, checks: Iterable[Check], seconds: float) -> dict[str, list[Finding]]:
    """What each finds; they look at the same time."""
    ends_at = time.monotonic() + seconds
    running = [(check, _Look(site, check)) for check in checks]
    return {check.name: look.found(ends_at) for check, look in running}


class _Look:
    """A check that is under way. One that hangs is left behind: its thread ends with the process."""

    def __init__(self, site: Site, check: Check) -> None:
        self._site, self._check = site, check
        self._findings: list[Finding] | None = None
        self._thread = threading.Thread(target=self._look, name=check.name, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        try:
            self._findings = self._check.look(self._site)
        except Exception as exc:
            said = exc.message if isinstance(exc, PdfSmallerError) else f"{type(exc).__name__}: {exc}"
            self._findings = [self._could_not(" ".join(said.split()))]

    def found(self, ends_at: float) -> list[Finding]:
        """What was found by a moment (monotonic seconds)."""
        self._thread.join(max(0.0, ends_at - time.monotonic()))
        if self._findings is None:
            return [self._could_not("it did not come to an end in its time")]
        return self._findings

    def _could_not(self, why: str) -> Finding:
        return failed(self._check.name, f"could not look: {why}", "run it again; if it stays, look at this by hand")
