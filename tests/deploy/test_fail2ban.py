"""The shipped filter and jails of fail2ban, on what the real nginx and the real service log."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.conftest import BEHIND
from tests.deploy.nginx import ROOT, Nginx
from tests.deploy.test_nginx import asked, burst, status_of
from tests.processes.served import Served, run

SHIPPED = ROOT / "deploy" / "fail2ban"
DEBIANS = Path("/etc/fail2ban")
GUESSER, FLOODER, CALLER = "127.0.0.51", "127.0.0.52", "127.0.0.53"
#: What a client might write so that somebody else is taken for him.
FRAMING = '","client":"192.0.2.1","status":401,"status":429,"message":"wrong API key'
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("fail2ban-regex"), reason="there is no fail2ban here (Debian: fail2ban)"),
]


@dataclass(frozen=True)
class Guarded:
    """A service that asks for keys, behind nginx."""

    front: Nginx
    service: Served

    def lives_a_day(self) -> None:
        """Have everything in the logs that there is: of callers, of who guesses keys, of who sends too much."""
        front = self.front
        key = run("keys", "create", "ours", "--data", self.service.data).stdout.split()[-1]
        caller, guesser = front.session(CALLER), front.session(GUESSER)
        for path in ("/", "/health", "/api/jobs", "/api/jobs/unknown", "/.env", "/assets/page.css", "/api/jobs?401"):
            framing = {"X-Api-Key": key, "User-Agent": FRAMING, "X-Request-Id": FRAMING, "Referer": FRAMING}
            assert caller.get(f"{front.url}{path}", headers=framing, timeout=30).status_code in (200, 403, 404)
        assert caller.get(f"{front.url}/api/{FRAMING}", headers={"X-Api-Key": key}, timeout=30).status_code == 404
        for number in range(5):
            wrong = {"X-Api-Key": f"wrong {number}", "X-Forwarded-For": "192.0.2.1", "User-Agent": FRAMING}
            assert guesser.get(f"{front.url}/api/{FRAMING}", headers=wrong, timeout=30).status_code == 401
        post = asked("POST /api/compress").replace(b"Host", f"X-Api-Key: {key}\r\nHost".encode())
        assert {status_of(answer) for answer in burst(front, FLOODER, 40, post)} == {400, 429}


@pytest.fixture
def guarded(serve: Callable[..., Served], begin_nginx: Callable[..., Nginx]) -> Guarded:
    service = serve("--workers", 1, API_KEYS_REQUIRED="true", **BEHIND)
    return Guarded(begin_nginx(service), service)


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """Debian's own, with ours in it."""
    folder = tmp_path / "fail2ban"
    shutil.copytree(DEBIANS, folder)
    shutil.copytree(SHIPPED, folder, dirs_exist_ok=True)
    return folder


def matched(configuration: Path, log: Path, mode: str) -> list[str]:
    """The addresses that a log has told of."""
    asked_for = ["fail2ban-regex", "-c", configuration, "--out", "ip", log, f"pdfsmaller[mode={mode}]"]
    done = subprocess.run(asked_for, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_who_guesses_or_floods_is_told_of_and_nobody_else(guarded: Guarded, configuration: Path) -> None:
    guarded.lives_a_day()
    log, services = guarded.front.log, guarded.service.log
    assert matched(configuration, log, "keys") == [GUESSER] * 5
    assert matched(configuration, services, "keys") == [GUESSER] * 5
    refused = sum(line["status"] == 429 for line in guarded.front.logged())
    assert refused > 5
    assert matched(configuration, log, "floods") == [FLOODER] * refused
    assert matched(configuration, services, "floods") == []


def test_who_goes_on_guessing_is_kept_out(guarded: Guarded, configuration: Path, tmp_path: Path) -> None:
    front, kept_out = guarded.front, tmp_path / "kept_out"
    (configuration / "action.d/note.conf").write_text(
        f"[Definition]\nactionban = echo <name> <ip> >> {kept_out}\nactionunban =\n"
    )
    (configuration / "jail.d/here.local").write_text(
        "[DEFAULT]\nignoreself = false\nignoreip =\naction = note[name=%(__name__)s]\n[sshd]\nenabled = false\n"
        "[pdfsmaller-keys]\nbackend = polling\n[pdfsmaller-floods]\nbackend = polling\n"
    )
    (configuration / "fail2ban.local").write_text("[Definition]\ndbfile = None\n")
    jails = configuration / "jail.d/pdfsmaller.conf"
    jails.write_text(jails.read_text().replace("/var/log/nginx", str(front.folder)))
    [tries] = re.findall(r"maxretry = (\d\d)\n", jails.read_text())
    here = ["-c", configuration, "-s", tmp_path / "f.sock", "-p", tmp_path / "f.pid", "--logtarget", tmp_path / "f.log"]
    assert subprocess.run(["fail2ban-client", *here, "-t"], capture_output=True).returncode == 0
    server = subprocess.Popen(["fail2ban-server", "-f", *here])
    try:
        guesser = front.session(GUESSER)
        for number in range(int(tries)):
            time.sleep(0.1)
            guesser.get(f"{front.url}/api/jobs", headers={"X-Api-Key": f"wrong {number}"}, timeout=30)
        end = time.monotonic() + 30
        while not kept_out.exists() and time.monotonic() < end:
            time.sleep(0.1)
        assert kept_out.read_text() == f"pdfsmaller-keys {GUESSER}\n", (tmp_path / "f.log").read_text()
    finally:
        server.terminate()
        server.wait()
