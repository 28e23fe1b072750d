"""A Debian with nothing on it but what every installation has, booted with systemd as its process 1 in a container.

It has a network of its own (its 443 is nobody else's) from where the package registries can be reached.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PROGRAMS = {"debootstrap": "debootstrap", "systemd-nspawn": "systemd-container", "slirp4netns": "slirp4netns"}
_NSPAWN = [
    *("systemd-nspawn", "--quiet", "--boot", "--console=pipe", "--register=no", "--keep-unit"),
    *("--private-network", "--resolv-conf=off"),
]
_MIRROR = "http://deb.debian.org/debian"
_PATIENCE_SECONDS = 60.0
#: Where this machine says which certificates and which package index it trusts: the container has the same.
_TRUST = ("/usr/local/share/ca-certificates", "/etc/pip.conf", "/root/.pip/pip.conf", "/root/.config/pip/pip.conf")


def missing() -> str | None:
    """Why there can be none here; None where there can."""
    if os.geteuid() != 0:
        return "a clean Debian is made by root alone"
    if absent := [package for program, package in _PROGRAMS.items() if not shutil.which(program)]:
        return f"there is no {', '.join(absent)} here"
    return None


def make_root(folder: Path) -> None:
    """Debian 12 with systemd, as debootstrap makes it.

    Raises:
        subprocess.CalledProcessError: among others where the mirror is not reached.
    """
    subprocess.run(
        [
            "debootstrap",
            "--variant=minbase",
            "--include=systemd-sysv,dbus,ca-certificates",
            "bookworm",
            folder,
            _MIRROR,
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    for path in map(Path, _TRUST):
        target = folder / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, target, dirs_exist_ok=True)
        elif path.exists():
            shutil.copy(path, target)
    subprocess.run(["chroot", folder, "update-ca-certificates"], check=True, capture_output=True)
    (folder / "etc" / "resolv.conf").unlink(missing_ok=True)
    (folder / "etc" / "resolv.conf").write_text("nameserver 10.0.2.3\n")  # slirp4netns's own


class CleanHost:
    """One that runs; see ``booted``."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def run(
        self, *command: object, check: bool = True, stdin: str = "", seconds: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """A command in it, as root. ``check``: whether it must end with 0."""
        done = subprocess.run(
            [
                "nsenter",
                "--target",
                str(self._pid),
                "--all",
                "env",
                "-i",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME=/root",
            ]
            + [str(part) for part in command],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert not check or done.returncode == 0, f"{command}\n{done.stdout[-6_000:]}\n{done.stderr[-6_000:]}"
        return done

    def sh(self, script: str, check: bool = True) -> str:
        """What a line of shell prints."""
        return self.run("sh", "-c", script, check=check).stdout.strip()


@contextmanager
def booted(root: Path, **binds: Path) -> Iterator[CleanHost]:
    """Boot it, and power it off in the end.

    Args:
        binds: folders of this machine, each shown read-only under ``/NAME``.
    """
    shown = [f"--bind-ro={path}:/{name}" for name, path in binds.items()]
    nspawn = subprocess.Popen(
        [*_NSPAWN, f"--directory={root}", *shown],
        env=os.environ | {"SYSTEMD_SECCOMP": "0"},  # its own filter refuses Landlock
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    network: subprocess.Popen[bytes] | None = None
    try:
        pid = _first_child(nspawn)
        network = subprocess.Popen(
            ["slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback", str(pid), "tap0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        host = CleanHost(pid)
        _until(
            lambda: host.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")
        )
        yield host
    finally:
        if network:
            network.terminate()
            network.wait()
        for child in _children(nspawn.pid):
            os.kill(child, signal.SIGKILL)  # its process 1: all others go with it
        nspawn.kill()
        nspawn.wait()


def _children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(child) for child in found.stdout.split()]


def _first_child(process: subprocess.Popen[bytes]) -> int:
    _until(lambda: process.poll() is not None or bool(_children(process.pid)))
    assert process.poll() is None, "systemd-nspawn ended at once"
    return _children(process.pid)[0]


def _until(what: object) -> None:
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while not what():  # type: ignore[operator]
        assert time.monotonic() < ends_at, "it did not boot"
        time.sleep(0.2)
