"""systemd's units: whether they run, and whether they will after the next start of the host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pdfsmaller.operating.doctor.finding import Finding, failed, ok, skipped, warning
from pdfsmaller.operating.doctor.programs import run
from pdfsmaller.operating.doctor.site import Site

UPLOAD = "pdfsmaller-upload.service"
_WORKERS = "pdfsmaller-worker@*.service"
_LASTING = (UPLOAD, "pdfsmaller-cleanup.timer", "pdfsmaller-backup.timer", "pdfsmaller-doctor.timer")
#: What timers start: between two runs they are inactive, and only a failure tells something.
_STARTED_BY_TIMERS = ("pdfsmaller-cleanup.service", "pdfsmaller-backup.service")
_PROPERTIES = "Id,LoadState,ActiveState,UnitFileState,Result"

_Unit = Mapping[str, str]


def units(site: Site) -> list[Finding]:
    """Each of the service's units."""
    if not site.systemd.is_dir():
        return [skipped("units", "systemd does not run here")]
    shown = _show(*_LASTING, *_workers())
    found = [_judged(unit) for unit in shown if unit["LoadState"] != "not-found"]
    if not found:
        return [skipped("units", "none of the service's units is installed")]
    return found + [_failed(unit) for unit in _show(*_STARTED_BY_TIMERS) if unit["ActiveState"] == "failed"]


def should_run(site: Site, name: str) -> bool:
    """Whether a unit is to run here, as far as systemd knows."""
    if not site.systemd.is_dir():
        return True
    return any(unit["LoadState"] == "loaded" and unit["UnitFileState"] != "disabled" for unit in _show(name))


def _workers() -> list[str]:
    listed = run("systemctl", "list-units", "--all", "--full", "--plain", "--no-legend", _WORKERS)
    return [line.split()[0] for line in (listed.out if listed else "").splitlines() if line.strip()]


def _show(*names: str) -> Iterable[_Unit]:
    """Units as systemd has them: a paragraph for each."""
    shown = run("systemctl", "show", f"--property={_PROPERTIES}", *names)
    for paragraph in (shown.out if shown else "").strip().split("\n\n"):
        unit = dict(line.split("=", 1) for line in paragraph.splitlines() if "=" in line)
        if "Id" in unit:
            yield {"LoadState": "", "ActiveState": "", "UnitFileState": "", "Result": ""} | unit


def _judged(unit: _Unit) -> Finding:
    name, active, at_start = unit["Id"], unit["ActiveState"], unit["UnitFileState"]
    check = f"unit {name}"
    if unit["LoadState"] != "loaded":
        return warning(check, f"it is {unit['LoadState']}", f"systemctl cat {name}")
    if active == "failed":
        return _failed(unit)
    if active == "active":
        if at_start == "disabled":
            return warning(check, "active, and not started with the host", f"systemctl enable {name}")
        return ok(check, f"active, {at_start or 'not a file'}")
    if active == "inactive" and at_start == "disabled":
        return warning(check, "neither active nor started with the host", f"systemctl enable --now {name}")
    if active == "inactive":
        return failed(check, "it does not run", f"systemctl start {name}; journalctl -u {name} -n 50")
    return warning(check, f"it is {active}", f"systemctl status {name}")


def _failed(unit: _Unit) -> Finding:
    name = unit["Id"]
    return failed(f"unit {name}", f"it failed ({unit['Result']})", f"journalctl -u {name} -n 50")
