"""The service as its callers reach it: whether it answers, and whether what runs is what is installed."""

from __future__ import annotations

import json
import platform
import time
import urllib.error
import urllib.request
from dataclasses import dataclass

from pdfsmaller import __version__
from pdfsmaller.operating.doctor.finding import Finding, failed, ok, skipped, warning
from pdfsmaller.operating.doctor.site import Site
from pdfsmaller.operating.doctor.units import UPLOAD, should_run
from pdfsmaller.processes.addresses import DIRECTLY, own_url

_SECONDS = 5.0
_LOOK = f"systemctl status {UPLOAD}; journalctl -u {UPLOAD} -n 50"
_TRUSTED = (
    "deploy/install.sh --domain NAME --email MAIL gets one from Let's Encrypt; or leave it, if a proxy has another"
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer, or why there is none (``status`` 0)."""

    status: int
    body: str
    seconds: float

    @property
    def refused(self) -> bool:
        return "Connection refused" in self.body and not self.status


def endpoints(site: Site) -> list[Finding]:
    """``/health/live``, ``/health/ready`` and ``/metrics`` behind HOST and PORT, and behind PUBLIC_BASE_URL."""
    settings, here = site.settings, _here(site)
    live = _asked(f"{here}/health/live")
    if live.refused and not should_run(site, UPLOAD):
        return [skipped(f"endpoint {here}", f"nothing listens, and {UPLOAD} is not to run on this host")]
    found = [_judged(f"{here}/health/live", live)]
    if live.status:
        found.append(_judged(f"{here}/health/ready", _asked(f"{here}/health/ready")))
    if live.status and settings.metrics_enabled:
        token = {"Authorization": f"Bearer {settings.metrics_token}"} if settings.metrics_token else {}
        found.append(_judged(f"{here}/metrics", _asked(f"{here}/metrics", token)))
    if public := (settings.public_base_url or "").rstrip("/"):
        found += [_judged(f"{public}/health/{what}", _asked(f"{public}/health/{what}")) for what in ("live", "ready")]
        found += _closed(f"{public}/metrics")
    return found


def versions(site: Site) -> list[Finding]:
    """Python's, and whether the service that runs is of the version that is installed."""
    python = ok("version of Python", platform.python_version())
    answer = _asked(f"{_here(site)}/health")
    try:
        running = str(json.loads(answer.body)["version"])
    except (ValueError, KeyError, TypeError):
        return [python, skipped("version", f"{__version__} is installed; the service does not tell its own")]
    if running == __version__:
        return [python, ok("version", f"{running} is installed, and runs")]
    return [
        python,
        warning("version", f"{running} runs, and {__version__} is installed", f"systemctl restart {UPLOAD}"),
    ]


def _here(site: Site) -> str:
    return own_url(site.settings.host, site.settings.port)


def _asked(url: str, headers: dict[str, str] | None = None) -> _Answer:
    begun, request = time.monotonic(), urllib.request.Request(url, headers=headers or {})
    try:
        with DIRECTLY.open(request, timeout=_SECONDS) as answer:
            return _Answer(answer.status, answer.read(100_000).decode(errors="replace"), time.monotonic() - begun)
    except urllib.error.HTTPError as exc:
        with exc:
            return _Answer(exc.code, exc.read(100_000).decode(errors="replace"), time.monotonic() - begun)
    except OSError as exc:
        return _Answer(0, str(getattr(exc, "reason", exc)), time.monotonic() - begun)


def _judged(url: str, answer: _Answer) -> Finding:
    check = f"endpoint {url}"
    if answer.status == 200:
        return ok(check, f"it answers within {answer.seconds * 1_000:.0f} ms")
    if "CERTIFICATE_VERIFY_FAILED" in answer.body and not answer.status:
        # Meant so where one was made for a trial, or where another proxy has the real one; ``certificate`` knows of one
        # that has expired.
        return warning(check, f"its certificate is not trusted ({answer.body})", _TRUSTED)
    if not answer.status:
        return failed(check, f"it does not answer ({answer.body})", _LOOK)
    if answer.status == 401:
        return skipped(check, "it asks for an API key; METRICS_TOKEN would let this look")
    if answer.status == 503:
        return failed(check, f"503: {_failing(answer.body)}", "see what is away among the other findings; " + _LOOK)
    return failed(check, f"it answers {answer.status}", _LOOK)


def _failing(body: str) -> str:
    try:
        return f"{', '.join(json.loads(body)['failing'])} away"
    except (ValueError, KeyError, TypeError):
        return "no reason is given"


def _closed(url: str) -> list[Finding]:
    """Figures are nobody's outside; that they cannot be read there is as it should be."""
    if _asked(url).status != 200:
        return []
    return [warning(f"endpoint {url}", "everybody can read it", "close /metrics in nginx, or set METRICS_TOKEN")]
