"""Who is told that something has failed, of what, and how often."""

from __future__ import annotations

import email
import email.policy
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from pdfsmaller.errors import NotTold
from pdfsmaller.operating.doctor import notify
from pdfsmaller.operating.doctor.examine import Report
from pdfsmaller.operating.doctor.finding import Finding, failed, ok, warning
from pdfsmaller.operating.doctor.site import Site
from tests.operating.doctor.conftest import settings_of

BROKEN = failed("disk /srv", "95 % full", "enlarge the disk")
ALSO = failed("workers", "none was seen", "systemctl start pdfsmaller-worker@1")
FINE = ok("disk /srv", "40 % full")
HOUR = 3_600.0


class Receiver:
    """An HTTP server that takes what an Alertmanager takes, and keeps it."""

    def __init__(self) -> None:
        self.got: list[tuple[str, list[dict[str, Any]]]] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/json"
                receiver.got.append((self.path, json.loads(body)))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


Tell = Callable[..., bool]


@pytest.fixture
def tell(tmp_path: Path) -> Tell:
    """Has a report of these findings told, at a time, by settings."""

    def call(*findings: Finding, at: float = 1e9, **settings: Any) -> bool:
        return notify.tell(Report(findings, at, "host-a"), settings_of(tmp_path, **settings), tmp_path / "told.json")

    return call


class TestAlertmanager:
    def test_hears_of_what_has_failed(self, tell: Tell, receiver: Receiver) -> None:
        assert tell(BROKEN, warning("swap", "60 %", "more memory"), alertmanager_url=f"{receiver.url}/")
        [(path, [alert])] = receiver.got
        assert path == "/api/v2/alerts"
        assert alert["labels"] == {
            "alertname": "PdfsmallerDoctor",
            "service": "pdfsmaller",
            "severity": "critical",
            "instance": "host-a",
            "check": "disk /srv",
        }
        assert alert["annotations"] == {"summary": "disk /srv on host-a: 95 % full", "description": "enlarge the disk"}
        assert alert["startsAt"] < alert["endsAt"]

    def test_is_not_told_the_same_again_before_an_hour(self, tell: Tell, receiver: Receiver) -> None:
        told = [tell(BROKEN, at=1e9 + at, alertmanager_url=receiver.url) for at in (0, 300, 3_500, HOUR, HOUR + 300)]
        assert told == [True, False, False, True, False]
        first, again = (alerts[0] for _, alerts in receiver.got)
        assert first["startsAt"] == again["startsAt"]
        assert first["endsAt"] < again["endsAt"]

    def test_hears_of_more_and_that_it_is_well_again(self, tell: Tell, receiver: Receiver) -> None:
        for at, findings in enumerate([(BROKEN,), (BROKEN, ALSO), (FINE, ALSO), (FINE,), (FINE,)]):
            tell(*findings, at=1e9 + at * 300, alertmanager_url=receiver.url)
        told = [{alert["labels"]["check"]: alert["endsAt"] for alert in alerts} for _, alerts in receiver.got]
        assert [set(one) for one in told] == [
            {"disk /srv"},
            {"disk /srv", "workers"},
            {"disk /srv", "workers"},
            {"workers"},
        ]
        assert told[2]["disk /srv"] < told[2]["workers"], "what is well again ends now"

    @pytest.mark.parametrize("status", [400, 500])
    def test_is_told_later_where_it_does_not_take_it(self, tell: Tell, receiver: Receiver, status: int) -> None:
        receiver.status = status
        with pytest.raises(NotTold, match=str(status)):
            tell(BROKEN, alertmanager_url=receiver.url)
        receiver.status = 200
        assert tell(BROKEN, at=1e9 + 300, alertmanager_url=receiver.url)

    def test_that_is_away_is_said(self, tell: Tell) -> None:
        with pytest.raises(NotTold, match="refused"):
            tell(BROKEN, alertmanager_url="http://127.0.0.1:9")

    def test_takes_it_for_real(self, tell: Tell, tmp_path: Path) -> None:
        program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
        if program is None:
            pytest.skip("no Alertmanager here (Debian's package is called prometheus-alertmanager)")
        (tmp_path / "am.yml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        words = [f"--config.file={tmp_path}/am.yml", f"--storage.path={tmp_path}/am", "--cluster.listen-address="]
        process = subprocess.Popen(
            [program, *words, f"--web.listen-address=127.0.0.1:{port}"], stderr=subprocess.DEVNULL
        )
        url, now = f"http://127.0.0.1:{port}", time.time()
        try:
            _until_it_answers(f"{url}/-/ready", process)
            assert tell(BROKEN, ALSO, at=now, alertmanager_url=url)
            active = requests.get(f"{url}/api/v2/alerts", timeout=30).json()
            assert {alert["labels"]["check"] for alert in active} == {"disk /srv", "workers"}
            assert {alert["status"]["state"] for alert in active} <= {"active", "unprocessed"}
            assert tell(FINE, ALSO, at=now, alertmanager_url=url)
            active = requests.get(f"{url}/api/v2/alerts", timeout=30).json()
            assert [alert["labels"]["check"] for alert in active] == ["workers"]
        finally:
            process.terminate()
            process.wait()


class TestMail:
    @pytest.fixture
    def sent(self, tmp_path: Path, program: Callable[[str, str], Path]) -> Path:
        """The folder of what a sendmail was given."""
        folder = tmp_path / "sent"
        folder.mkdir()
        program("sendmail", f'[ "$*" = "-t -i" ] || exit 64\nn=$(ls {folder} | wc -l)\ncat > {folder}/$n')
        return folder

    @staticmethod
    def of(path: Path) -> Any:
        return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)

    def test_says_what_has_failed_and_what_to_do(self, tell: Tell, sent: Path) -> None:
        assert tell(BROKEN, ALSO, doctor_mail="a@example.org, b@example.org")
        message = self.of(sent / "0")
        assert message["To"] == "a@example.org, b@example.org"
        assert message["Subject"] == "PDF Smaller on host-a: 2 failed (disk /srv, workers)"
        text = message.get_content()
        assert "disk /srv: 95 % full\n  to do: enlarge the disk" in text
        assert "workers: none was seen" in text

    def test_comes_once_and_when_it_is_well_again(self, tell: Tell, sent: Path) -> None:
        runs = [(BROKEN,), (BROKEN,), (BROKEN,), (FINE,), (FINE,)]
        told = [tell(*run, at=1e9 + n * HOUR, doctor_mail="a@example.org") for n, run in enumerate(runs)]
        assert told == [True, False, False, True, False]
        assert self.of(sent / "1")["Subject"] == "PDF Smaller on host-a: well again"
        assert "disk /srv: no longer failed" in self.of(sent / "1").get_content()

    def test_that_what_was_found_varies_is_no_news(self, tell: Tell, sent: Path) -> None:
        tell(BROKEN, doctor_mail="a@example.org")
        assert not tell(failed("disk /srv", "96 % full", "enlarge the disk"), doctor_mail="a@example.org")

    def test_that_cannot_be_sent_is_said_and_sent_later(
        self, tell: Tell, tmp_path: Path, program: Callable[[str, str], Path]
    ) -> None:
        program("sendmail", "cat > /dev/null; echo no route >&2; exit 75")
        with pytest.raises(NotTold, match="75: no route"):
            tell(BROKEN, doctor_mail="a@example.org")
        program("sendmail", "cat > /dev/null")
        assert tell(BROKEN, doctor_mail="a@example.org")


def test_that_nobody_is_named_is_said_where_something_has_failed(tell: Tell) -> None:
    assert not tell(FINE)
    with pytest.raises(NotTold, match="neither DOCTOR_MAIL nor ALERTMANAGER_URL"):
        tell(BROKEN)


def test_a_file_that_is_damaged_is_begun_anew(tell: Tell, tmp_path: Path, receiver: Receiver) -> None:
    (tmp_path / "told.json").write_text('{"fail')
    assert tell(BROKEN, alertmanager_url=receiver.url)
    assert not tell(BROKEN, alertmanager_url=receiver.url)


def test_whom_to_tell_is_unknown_without_settings() -> None:
    with pytest.raises(NotTold, match="cannot be used"):
        notify.notify(Report((BROKEN,), 1e9), Site(None))


def test_it_is_remembered_where_systemd_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert notify.default_file(tmp_path).parent == tmp_path
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/pdfsmaller-doctor")
    assert notify.default_file(tmp_path).parent == Path("/var/lib/pdfsmaller-doctor")


def _until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    ends_at = time.monotonic() + 60
    while time.monotonic() < ends_at:
        assert process.poll() is None, "Alertmanager does not start"
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("Alertmanager does not answer")
