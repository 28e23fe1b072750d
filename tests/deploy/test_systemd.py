"""deploy/systemd, by systemd itself as far as it is here without being the first process."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import requests

from pdfsmaller.engine.confinement import BOUNDS
from pdfsmaller.processes.web_options import GRACEFUL_SECONDS
from pdfsmaller.settings import Settings
from tests import documents
from tests.processes.served import ROOT, command, environ, run
from tests.processes.upload import COMMAND, Upload, settings_in

UNITS = ROOT / "deploy" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"), key=lambda path: path.name)
BINARIES = "/opt/pdfsmaller/current/bin"
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(not ANALYZE, reason="systemd is not installed")


def of(unit: Path, name: str) -> list[str]:
    """What a unit says of something, as often as it does."""
    return [
        value
        for key, equals, value in (line.partition("=") for line in unit.read_text().splitlines())
        if (key, equals) == (name, "=")
    ]


def seconds(unit: Path, name: str) -> int:
    [value] = of(unit, name)
    return int(value)


def named(unit: str) -> Path:
    return UNITS / unit


@needs_systemd
def test_systemd_has_nothing_to_say_against_them(tmp_path: Path) -> None:
    """Programs are where the installer puts them: others stand in their place here."""
    binaries, units = tmp_path / "bin", tmp_path / "units"
    binaries.mkdir()
    units.mkdir()
    for program in ("pdfsmaller", "gunicorn"):
        (binaries / program).symlink_to("/bin/true")
    names = []
    for unit in UNITS.glob("pdfsmaller*"):
        names.append(unit.name)
        (units / unit.name).write_text(unit.read_text().replace(BINARIES, str(binaries)))
    assert len(names) == 9
    verified = subprocess.run([str(ANALYZE), "verify", *names], cwd=units, capture_output=True, text=True, timeout=60)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


@needs_systemd
def test_the_example_of_an_override_is_one(tmp_path: Path) -> None:
    """With what is commented out as well."""
    for name in ("pdfsmaller-worker@1.service", "pdfsmaller-upload.service"):
        text = (
            named(name.replace("@1", "@")).read_text().replace(BINARIES, "/bin").replace("/bin/pdfsmaller", "/bin/true")
        )
        (tmp_path / name).write_text(text.replace("/bin/gunicorn", "/bin/true"))
        (tmp_path / f"{name}.d").mkdir()
        example = re.sub(r"^#(?=\w+=)", "", named("override.conf.example").read_text(), flags=re.MULTILINE)
        (tmp_path / f"{name}.d" / "override.conf").write_text(example)
        verified = subprocess.run(
            [str(ANALYZE), "verify", name], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert (verified.returncode, verified.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_little_is_left_open(unit: Path, tmp_path: Path) -> None:
    one = tmp_path / unit.name.replace("@", "@1")
    shutil.copy(unit, one)
    judged = subprocess.run(
        [str(ANALYZE), "security", "--offline=true", "--no-pager", str(one)], capture_output=True, text=True, timeout=60
    )
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", judged.stdout)
    assert found, judged.stderr
    assert float(found[1]) <= 2.0


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_a_service_runs_what_there_is(unit: Path) -> None:
    [what] = of(unit, "ExecStart")
    program, *arguments = what.removeprefix(f"{BINARIES}/").split()
    if program == "gunicorn":
        assert (program, *arguments) == ("gunicorn", *COMMAND[3:])
    else:
        assert program == "pdfsmaller"
        assert run(*arguments, "--help").returncode == 0, what


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.timer")), ids=lambda path: path.name)
def test_a_timer_starts_a_service_that_ends_by_itself(unit: Path) -> None:
    service = unit.with_suffix(".service")
    assert of(service, "Type") == ["oneshot"]
    assert of(service, "WantedBy") == []
    assert of(unit, "WantedBy") == ["timers.target"]


def test_a_worker_is_given_the_time_that_its_job_has() -> None:
    assert seconds(named("pdfsmaller-worker@.service"), "TimeoutStopSec") > Settings().engine_timeout_seconds + 60
    assert seconds(named("pdfsmaller-upload.service"), "TimeoutStopSec") > GRACEFUL_SECONDS + 15


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_a_service_has_a_user_and_bounds_of_its_own(unit: Path) -> None:
    assert of(unit, "User") == ["pdfsmaller"]
    assert of(unit, "EnvironmentFile") == ["/etc/pdfsmaller/pdfsmaller.env"]
    for bound in ("MemoryMax", "CPUWeight", "IOWeight", "LimitNOFILE", "LimitNPROC", "TasksMax"):
        assert of(unit, bound), bound
    assert of(unit, "KillMode") == ["mixed"], "an engine process is left to end its job"
    assert not of(unit, "MemoryDenyWriteExecute"), "LuaJIT writes what it runs"


def test_the_page_and_the_api_say_when_they_are_ready(tmp_path: Path) -> None:
    """As ``Type=notify`` asks."""
    assert of(named("pdfsmaller-upload.service"), "Type") == ["notify"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        told.settimeout(60)
        one = Upload(tmp_path / "data", NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert b"READY=1" in told.recv(4_096)
        assert one.stop() == 0


# The filter of system calls, applied as systemd does it, to what the units start.


@cache
def calls_of(group: str) -> frozenset[str]:
    """The system calls of one of systemd's groups."""
    listed = subprocess.run([str(ANALYZE), "syscall-filter", group], capture_output=True, text=True, timeout=60)
    names = [line.strip() for line in listed.stdout.splitlines()[1:]]
    found: set[str] = set()
    for name in names:
        if name.startswith("@"):
            found |= calls_of(name)
        elif name and not name.startswith("#"):
            found.add(name)
    return frozenset(found)


def allowed_by(unit: Path) -> set[str]:
    allowed: set[str] = set()
    for value in of(unit, "SystemCallFilter"):
        names: set[str] = set()
        for word in value.removeprefix("~").split():
            names |= calls_of(word) if word.startswith("@") else {word}
        allowed = allowed - names if value.startswith("~") else allowed | names
    return allowed


def has_libseccomp() -> bool:
    try:
        ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return False
    return True


@cache
def may_mount() -> bool:
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


#: As ProtectSystem=strict, CapabilityBoundingSet= and NoNewPrivileges= do; one folder may be written.
_READ_ONLY = """
folder=$1; shift
mount --make-rprivate / && mount --bind "$folder" "$folder" || exit 70
awk '{print $5}' /proc/self/mountinfo | while read -r point; do
  case $point in
    "$folder" | /dev | /dev/* | /proc | /proc/* | /sys | /sys/*) ;;
    *) mount -o remount,bind,ro "$point" 2>/dev/null ;;
  esac
done
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""


@needs_systemd
@pytest.mark.skipif(not has_libseccomp(), reason="libseccomp is not installed")
@pytest.mark.parametrize(
    "read_only",
    [pytest.param(False, id="filtered"), pytest.param(True, id="filtered and read-only", marks=pytest.mark.slow)],
)
def test_a_job_is_done_within_the_units_bounds_and_with_all_of_the_engines_own(tmp_path: Path, read_only: bool) -> None:
    folder = tmp_path / "data"
    (folder / "tmp").mkdir(parents=True)
    if read_only and not may_mount():
        pytest.skip("who runs the tests may not mount")

    def under(unit: str, what: list[str]) -> list[str]:
        names = tmp_path / f"{unit}.calls"
        names.write_text("\n".join(allowed_by(named(unit))))
        filtered = [sys.executable, str(Path(__file__).with_name("under_filter.py")), str(names), *what]
        return ["unshare", "--mount", "sh", "-c", _READ_ONLY, "sh", str(folder), *filtered] if read_only else filtered

    written = [subprocess.run(under("pdfsmaller-worker@.service", ["touch", str(at)])) for at in (folder, tmp_path)]
    assert [one.returncode for one in written] == [0, 1 if read_only else 0]
    temporary = str(folder / "tmp")
    settings = environ(**settings_in(folder) | {"TMPDIR": temporary, "BACKUP_DIR": str(folder / "backups")})
    one = Upload(folder, under=lambda what: under("pdfsmaller-upload.service", what), TMPDIR=temporary)
    with (tmp_path / "worker.log").open("w") as log:
        worker = subprocess.Popen(
            under("pdfsmaller-worker@.service", command("worker", "--workers", 1)), env=settings, stdout=log, stderr=log
        )
    try:
        answer = requests.post(
            f"{one.url}/api/compress",
            files={"files": ("a.pdf", documents.photo_jpeg())},
            headers={"Prefer": "wait=60", "Accept": "application/pdf"},
            timeout=90,
        )
        assert answer.content.startswith(b"%PDF-"), answer.text + (tmp_path / "worker.log").read_text()
        report = requests.get(f"{one.url}/api/jobs/{answer.headers['X-Job-Id']}/report", timeout=30).json()
        assert set(BOUNDS) <= set(report["bounds"])
        for unit, what, codes in (
            ("pdfsmaller-cleanup.service", ["cleanup"], (0,)),
            ("pdfsmaller-backup.service", ["admin", "backup"], (0,)),
            ("pdfsmaller-doctor.service", ["doctor"], (0, 8, 9)),  # whatever it finds here
        ):
            ran = subprocess.run(under(unit, command(*what)), env=settings, capture_output=True, text=True, timeout=120)
            assert ran.returncode in codes, ran.stderr
        assert list((folder / "backups").iterdir())
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
        assert one.stop() == 0
    finally:
        worker.kill()
        one.process.kill()


@needs_systemd
@pytest.mark.skipif(not has_libseccomp(), reason="libseccomp is not installed")
@pytest.mark.parametrize(
    ("what", "refused"),
    [
        ("os.mkdir('new')", False),
        ("os.unshare(os.CLONE_NEWUSER)" if hasattr(os, "unshare") else "os.chroot('/')", True),
        ("os.chown('.', 1, 1)", True),
        ("time.clock_settime(0, time.time())", True),
    ],
)
def test_the_filter_filters(what: str, refused: bool, tmp_path: Path) -> None:
    names = tmp_path / "calls"
    names.write_text("\n".join(allowed_by(named("pdfsmaller-worker@.service"))))
    code = f"import os, time\ntry:\n    {what}\nexcept PermissionError:\n    raise SystemExit(9)"
    program = Path(__file__).with_name("under_filter.py")
    ran = subprocess.run([sys.executable, program, names, sys.executable, "-c", code], cwd=tmp_path, timeout=60)
    assert ran.returncode == (9 if refused else 0)
