"""The two services, each started for the measurement and stopped after it, and the CPU that their processes use."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from benchmarks.measure import OURS, need_ours

ROOT = Path(__file__).parents[2]
#: Where the rival's run.sh puts it, and what it says of its processes.
_RIVAL_PORTS = (8090, 6399)
_RIVAL_PIDS = "/tmp/seed-{}.pid"
_READY_SECONDS = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Side:
    """One service: its name, its address, the processes that everything of it descends from."""

    name: str
    url: str
    roots: tuple[int, ...]

    def cpu_seconds(self) -> float:
        """What all its processes have used so far."""
        return sum(_cpu_seconds(pid) for pid in _with_descendants(self.roots))


@contextmanager
def ours(workers: int, data: Path | None = None) -> Iterator[Side]:
    """``pdfsmaller serve``, of this checkout, on a port and in a folder of its own.

    Args:
        data: the folder; None for a temporary one.
    """
    need_ours()
    with tempfile.TemporaryDirectory() as temporary:
        port = _free_port()
        words = ["serve", "--data", str(data or temporary), "--port", str(port), "--workers", str(workers)]
        process = subprocess.Popen(
            [OURS, *words],
            env=os.environ | {"PYTHONPATH": str(ROOT / "shared"), "LOG_LEVEL": "WARNING"},
            stdout=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(f"{url}/health", process)
            yield Side("serve", url, (process.pid,))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@contextmanager
def rival(folder: Path, python: Path) -> Iterator[Side]:
    """The classic architecture: Flask, Celery, Redis and Ghostscript, as its ``run.sh`` starts it.

    Args:
        folder: where its ``run.sh`` lies.
        python: the ``bin`` folder of its environment, which it makes where there is none.
    """
    if taken := [port for port in _RIVAL_PORTS if _answers(port)]:
        raise SystemExit(f"Ports {taken} are taken: is the rival running already? Stop it: {folder / 'run.sh'} stop")
    with tempfile.TemporaryDirectory() as uploads:
        environment = os.environ | {"UPLOAD_FOLDER": uploads, "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run(
            [folder / "run.sh", python],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        pids = tuple(int(Path(_RIVAL_PIDS.format(part)).read_text()) for part in ("redis", "celery", "gunicorn"))
        try:
            yield Side("rival", f"http://127.0.0.1:{_RIVAL_PORTS[0]}", pids)
        finally:
            subprocess.run([folder / "run.sh", "stop"], check=False)
            until = time.monotonic() + 30
            while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < until:
                time.sleep(0.2)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"`pdfsmaller serve` ended with {process.returncode}.")
        try:
            if requests.get(url, timeout=2).json()["status"] == "healthy":  # workers with it
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)
    raise SystemExit(f"{url} did not answer within {_READY_SECONDS:g} s.")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def _with_descendants(roots: Sequence[int]) -> set[int]:
    children: dict[int, list[int]] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and (fields := _stat(int(path.name))):
            children.setdefault(int(fields[1]), []).append(int(path.name))
    found: set[int] = set()
    left = list(roots)
    while left:
        pid = left.pop()
        if pid not in found:
            found.add(pid)
            left += children.get(pid, [])
    return found


def _cpu_seconds(pid: int) -> float:
    """Of a process, and of those of its children that it has waited for."""
    fields = _stat(pid)
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS if fields else 0.0


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` from the state on; the parent is the second. Empty where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
