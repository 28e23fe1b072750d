"""When certificates expire: those in nginx' files, and the one that callers are shown."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from pdfsmaller.operating.doctor import nginx
from pdfsmaller.operating.doctor.finding import Finding, failed, ok, skipped, warning
from pdfsmaller.operating.doctor.site import Site

_WARN_DAYS, _FAIL_DAYS = 21, 7
_SECONDS = 5.0
_RENEW = "certbot renew --dry-run; systemctl list-timers certbot.timer"


def certificates(site: Site) -> list[Finding]:
    """Each certificate, on the disk and as it is shown."""
    found = [_of_file(path) for path in nginx.certificates(site)]
    url = urlsplit((site.settings.public_base_url or "") if site.place else "")
    if url.scheme == "https" and url.hostname:
        found.append(_shown_by(url.hostname, url.port or 443))
    return found or [skipped("certificate", "neither nginx' configuration nor PUBLIC_BASE_URL names one")]


def _of_file(path: Path) -> Finding:
    check = f"certificate {path}"
    try:
        data = path.read_bytes()
    except PermissionError:
        return skipped(check, "this user may not read it")
    except OSError as exc:
        return failed(check, f"it cannot be read ({exc.strerror})", _RENEW)
    return _judged(check, x509.load_pem_x509_certificate(data), _RENEW)


def _shown_by(host: str, port: int) -> Finding:
    check = f"certificate of {host}"
    shown = ssl.create_default_context()
    shown.check_hostname, shown.verify_mode = False, ssl.CERT_NONE  # one that has expired is to be looked at, too
    try:
        with (
            socket.create_connection((host, port), _SECONDS) as connection,
            shown.wrap_socket(connection, server_hostname=host) as secured,
        ):
            data = secured.getpeercert(binary_form=True)
    except OSError as exc:
        return failed(check, f"{host}:{port} shows none ({exc})", "systemctl status nginx; the name's DNS; a firewall")
    assert data is not None, "a server shows a certificate"
    return _judged(check, x509.load_der_x509_certificate(data), f"{_RENEW}; systemctl reload nginx")


def _judged(check: str, certificate: x509.Certificate, remedy: str) -> Finding:
    ends_at = certificate.not_valid_after_utc
    days = (ends_at.timestamp() - time.time()) / 86_400
    until = f"until {ends_at.astimezone(UTC):%Y-%m-%d}"
    if certificate.not_valid_before_utc > datetime.now(UTC):
        begins = f"{certificate.not_valid_before_utc:%Y-%m-%d}"
        return failed(check, f"it is not valid before {begins}", "timedatectl status; or wait")
    if days < 0:
        return failed(check, f"it has expired ({until})", remedy)
    found = f"{until}, {days:.0f} days more"
    if days < _FAIL_DAYS:
        return failed(check, found, remedy)
    return warning(check, found, remedy) if days < _WARN_DAYS else ok(check, found)
