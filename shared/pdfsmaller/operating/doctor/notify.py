"""Tells somebody that something has failed, by mail or Alertmanager, and that it is well again.

A timer asks every few minutes, and nobody wants a mail each time: a file remembers what was told. Alertmanager forgets
an alert that nobody repeats, so it hears of one again every hour; it does not pass that on.
"""

from __future__ import annotations

import json
import os
import socket
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from pdfsmaller.errors import NotTold
from pdfsmaller.jobs.view import rfc3339
from pdfsmaller.operating.doctor.examine import Report
from pdfsmaller.operating.doctor.finding import Finding, State
from pdfsmaller.operating.doctor.programs import run
from pdfsmaller.operating.doctor.site import Site
from pdfsmaller.processes.addresses import DIRECTLY
from pdfsmaller.settings import Settings

_FILE = "pdfsmaller-doctor.json"
_REPEAT_SECONDS = 3_600.0
#: After which Alertmanager takes for well what it has not heard of: the doctor itself may be dead.
_ENDS_AFTER_SECONDS = 3 * _REPEAT_SECONDS
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody was told.

    Attributes:
        failed: since when what has failed, by the names of checks, in seconds since the epoch.
        at: when Alertmanager heard of it last.
    """

    failed: Mapping[str, float] = field(default_factory=dict)
    at: float = 0.0


def default_file(data: Path | None) -> Path:
    """Where what was told is remembered: the folder that systemd gives (STATE_DIRECTORY), the data's, or home."""
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    return (Path(given) if given else data if data and data.is_dir() else Path.home()) / _FILE


def notify(report: Report, site: Site) -> bool:
    """``tell`` whom the settings name, remembering it where this service remembers such things.

    Raises:
        NotTold.
    """
    if site.place is None:
        raise NotTold("Nobody is told: whom to tell stands in the settings, which cannot be used.")
    return tell(report, site.settings, default_file(site.data))


def tell(report: Report, settings: Settings, file: Path) -> bool:
    """Tell what has changed since ``file`` was written; whether there was anything to tell, and somebody to hear it.

    Raises:
        NotTold: it did not get through; the next run tries again.
    """
    if report.state is State.FAILED and not (settings.doctor_mail or settings.alertmanager_url):
        raise NotTold("Nobody is told: neither DOCTOR_MAIL nor ALERTMANAGER_URL is set.")
    before, now = _remembered(file), {one.check: one for one in report.findings if one.state is State.FAILED}
    since = {check: before.failed.get(check, report.at) for check in now}
    changed = set(now) != set(before.failed)
    mended = sorted(set(before.failed) - set(now))
    told_at, told = before.at, False
    if settings.doctor_mail and changed:
        _mail(report, list(now.values()), mended, settings.doctor_mail)
        told = True
    if settings.alertmanager_url and (changed or (now and report.at - before.at >= _REPEAT_SECONDS)):
        alerts = [_alert(report, check, since[check], one) for check, one in now.items()]
        alerts += [_alert(report, check, before.failed[check], None) for check in mended]
        _post(settings.alertmanager_url, alerts)
        told_at, told = report.at, True
    _remember(file, Told(since, told_at))
    return told


# What was told


def _remembered(file: Path) -> Told:
    try:
        return Told(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Told()


def _remember(file: Path, told: Told) -> None:
    begun = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        begun.write_text(json.dumps(asdict(told)), encoding="utf-8")
        begun.replace(file)
    except OSError as exc:
        raise NotTold(f"What was told cannot be remembered in {file} ({exc.strerror}): it is told again.") from None


# Mail


def _mail(report: Report, failed: list[Finding], mended: list[str], address: str) -> None:
    message = EmailMessage()
    message["To"] = address
    message["From"] = f"pdfsmaller@{socket.getfqdn()}"
    if failed:
        names = ", ".join(one.check for one in failed)
        message["Subject"] = f"PDF Smaller on {report.host}: {len(failed)} failed ({names})"[:200]
    else:
        message["Subject"] = f"PDF Smaller on {report.host}: well again"
    lines = [f"{one.check}: {one.found}\n  to do: {one.remedy}" for one in failed]
    lines += [f"{check}: no longer failed" for check in mended]
    message.set_content("\n\n".join(lines) + f"\n\n`pdfsmaller doctor` on {report.host}, {rfc3339(report.at)}\n")
    try:
        ran = run("sendmail", "-t", "-i", given=message.as_string())
    except OSError as exc:
        raise NotTold(f"sendmail cannot be run ({exc.strerror}).") from exc
    if ran is None:
        raise NotTold("There is no sendmail here. Install a mail server or msmtp-mta, or unset DOCTOR_MAIL.")
    if ran.code:
        raise NotTold(f"sendmail ended with {ran.code}: {ran.err.strip()[:200] or 'without a word'}.")


# Alertmanager


def _alert(report: Report, check: str, since: float, failed: Finding | None) -> dict[str, Any]:
    """What Alertmanager's API (version 2) takes. ``failed`` is None where it no longer has."""
    labels = {"alertname": "PdfsmallerDoctor", "service": "pdfsmaller", "severity": "critical"}
    ends_at = report.at + _ENDS_AFTER_SECONDS if failed else report.at
    return {
        "labels": labels | {"instance": report.host, "check": check},
        "annotations": {
            "summary": f"{check} on {report.host}: {failed.found if failed else 'no longer failed'}",
            "description": failed.remedy if failed else "",
        },
        "startsAt": rfc3339(since),
        "endsAt": rfc3339(ends_at),
    }


def _post(url: str, alerts: list[dict[str, Any]]) -> None:
    request = urllib.request.Request(
        f"{url.rstrip('/')}/api/v2/alerts", json.dumps(alerts).encode(), {"Content-Type": "application/json"}
    )
    try:
        with DIRECTLY.open(request, timeout=_SECONDS):
            pass
    except OSError as exc:
        raise NotTold(f"Alertmanager at {url} did not take it ({exc}).") from None
