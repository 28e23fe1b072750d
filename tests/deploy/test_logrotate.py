"""The shipped configuration of logrotate, by the real one, on logs that are being written to."""

from __future__ import annotations

import grp
import gzip
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.nginx import ROOT, Nginx
from tests.processes.served import Served, environ

SHIPPED = ROOT / "deploy" / "logrotate" / "pdfsmaller"
PROGRAM = shutil.which("logrotate", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
DEBIANS = Path("/etc/logrotate.d/nginx")
#: A process of the service that logs numbers, as fast as it can, until it is told to stop.
WRITER = """
import logging, signal, sys
from pdfsmaller.processes import logs
from pdfsmaller.settings import get_settings

over = []
signal.signal(signal.SIGTERM, lambda *_: over.append(True))
logs.begin(get_settings(), sys.argv[1])
number = 0
while not over:
    logging.getLogger("pdfsmaller.test").info("%d", number)
    number += 1
print(number)
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="there is no logrotate here (Debian: logrotate)"),
]


def whoever() -> str:
    """User and group of who runs the tests."""
    return f"{pwd.getpwuid(os.geteuid()).pw_name} {grp.getgrgid(os.getegid()).gr_name}"


def shipped(folder: Path) -> str:
    """What is shipped, for the logs in ``folder`` and whoever runs the tests."""
    text = SHIPPED.read_text().replace(" pdfsmaller pdfsmaller\n", f" {whoever()}\n")
    return text.replace("/var/log/pdfsmaller", str(folder))


class Rotating:
    """logrotate with a configuration, by default what is shipped, for the logs in ``folder``."""

    def __init__(self, folder: Path, text: str = "") -> None:
        (folder / "logrotate.conf").write_text(text or shipped(folder))
        (folder / "logrotate.conf").chmod(0o644)
        self._command = [PROGRAM, "--verbose", "--state", folder / "state", folder / "logrotate.conf"]

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stderr


def lines_of(*files: Path) -> list[str]:
    """What they hold, packed or not."""
    read = [gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes() for file in files]
    return b"".join(read).decode().splitlines()


def test_no_line_of_the_service_is_lost(tmp_path: Path) -> None:
    log, rotate = tmp_path / "pdfsmaller.log", Rotating(tmp_path)
    settings = environ(LOG_FILE=str(log), LOG_MAX_BYTES="0", LOG_LEVEL="INFO")
    names = ["upload", "compress"]
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, name], env=settings, stdout=subprocess.PIPE, text=True)
        for name in names
    ]
    end = time.monotonic() + 60
    while not (log.exists() and log.stat().st_size) and time.monotonic() < end:
        time.sleep(0.1)
    for _ in range(6):
        rotate("--force")
        time.sleep(1.1)
    for writer in writers:
        writer.terminate()
    written = {name: int(writer.communicate()[0]) for name, writer in zip(names, writers, strict=True)}
    files = [*sorted(tmp_path.glob("pdfsmaller.log-*")), log]
    assert len(files) == 7
    assert [file.suffix == ".gz" for file in files] == [True] * 5 + [False] * 2  # the latest might be written to still
    assert all(file.stat().st_mode & 0o777 == 0o640 for file in files)
    said = [json.loads(line) for line in lines_of(*files)]
    for name in names:
        numbers = [int(line["message"]) for line in said if line["service"] == name]
        assert numbers == list(range(written[name]))
        assert len(numbers) > 100


def test_two_weeks_are_kept(tmp_path: Path) -> None:
    log, rotate = tmp_path / "pdfsmaller.log", Rotating(tmp_path)
    for number in range(17):
        log.write_text(f"{number}\n")
        rotate("--force")
        time.sleep(1.1)
    files = sorted(tmp_path.glob("pdfsmaller.log-*"))
    assert lines_of(*files) == [str(number) for number in range(3, 17)]


def test_nothing_is_done_before_its_time(tmp_path: Path) -> None:
    log, rotate = tmp_path / "pdfsmaller.log", Rotating(tmp_path)
    log.write_text("today\n")
    rotate()
    rotate()
    assert [file.name for file in tmp_path.glob("pdfsmaller.log*")] == ["pdfsmaller.log"]


@pytest.mark.skipif(not DEBIANS.exists(), reason="Debian's configuration for nginx is not here (nginx-light)")
def test_nginxs_package_sees_to_nginxs_logs(
    tmp_path: Path, serve: Callable[..., Served], begin_nginx: Callable[..., Nginx]
) -> None:
    front = begin_nginx(serve("--workers", 1))
    text = DEBIANS.read_text().replace("/var/log/nginx", str(front.folder)).replace("www-data adm", whoever())
    text, changed = re.subn("invoke-rc.d nginx rotate", f"kill -USR1 $(cat {front.folder}/nginx.pid)", text)
    assert changed
    rotate = Rotating(tmp_path, text)
    asked_for, over = Counter[str](), threading.Event()

    def ask(client: str) -> None:
        session = front.session(client)
        while not over.is_set():
            asked_for[session.get(f"{front.url}/health/live", timeout=30).headers["X-Request-Id"]] += 1

    askers = [threading.Thread(target=ask, args=(f"127.0.0.{60 + number}",)) for number in range(2)]
    for asker in askers:
        asker.start()
    for _ in range(3):
        time.sleep(1.1)
        rotate("--force")
    time.sleep(0.5)
    over.set()
    for asker in askers:
        asker.join()
    time.sleep(0.5)  # what is answered is logged a moment later
    assert front.log.stat().st_size  # the new file is the one that is written to
    files = list(front.folder.glob("pdfsmaller.access.log*"))
    assert len(files) == 4
    assert sorted(file.suffix == ".gz" for file in files) == [False, False, True, True]
    logged = Counter(json.loads(line)["request_id"] for line in lines_of(*files))
    assert logged == asked_for
