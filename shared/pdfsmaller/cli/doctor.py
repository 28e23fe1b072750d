"""``doctor``: how a server of one's own is, and what to do about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pdfsmaller.cli.errors import complain, describe
from pdfsmaller.cli.operators import AsJson, run_with
from pdfsmaller.cli.service import SameData
from pdfsmaller.cli.show import moment, say
from pdfsmaller.errors import ExitCode, PdfSmallerError

EPILOG = "Exit codes: 0 all is well; 2 wrong usage; 8 there are warnings; 9 something has failed."
_EXIT_CODES = {"ok": ExitCode.OK, "warning": ExitCode.WARNINGS, "failed": ExitCode.FAILURES}


def doctor(
    as_json: AsJson = False,
    data: SameData = None,
    notify: Annotated[
        bool,
        typer.Option("--notify", help="Tell DOCTOR_MAIL and ALERTMANAGER_URL of what has failed, when that changes."),
    ] = False,
    env_file: Annotated[
        Path, typer.Option(metavar="FILE", help="The file of settings, whose permissions are looked at.")
    ] = Path("/etc/pdfsmaller/pdfsmaller.env"),
) -> int:
    """Look at the service and its host, and say what is wrong and what to do about it. Nothing is changed."""

    def run(operating: Any) -> int:
        examine, notifying = operating
        report, site = examine.examine(data=data, env_file=env_file)
        if as_json:
            say(json.dumps(_as_json(report), indent=2, ensure_ascii=False))
        else:
            _show(report)
        if notify:
            try:
                notifying.notify(report, site)
            except PdfSmallerError as exc:
                complain(describe(exc))
        return _EXIT_CODES[report.state]

    return run_with(_doctor, run)


def _doctor() -> Any:
    from pdfsmaller.operating.doctor import examine, notify

    return examine, notify


def _as_json(report: Any) -> dict[str, Any]:
    checks = [
        {"check": one.check, "state": one.state, "found": one.found, "remedy": one.remedy or None}
        for one in report.findings
    ]
    return {
        "status": report.state,
        "timestamp": moment(report.at),
        "host": report.host,
        "version": report.version,
        "checks": checks,
    }


def _show(report: Any) -> None:
    width = max(len(one.check) for one in report.findings)
    for one in report.findings:
        say(f"{one.state:<8} {one.check.ljust(width)}  {one.found}")
        if one.remedy:
            say(f"{'':<8} {'':<{width}}  → {one.remedy}")
