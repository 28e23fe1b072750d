"""What the benchmarks share: running a command and counting what it costs, and writing tables."""

from __future__ import annotations

import csv
import os
import platform
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

_SAMPLE_SECONDS = 0.02
#: The command that is measured: the one that was installed for this Python, not whichever comes first on the path.
OURS = str(Path(sys.executable).with_name("pdfsmaller.exe" if os.name == "nt" else "pdfsmaller"))


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a command took.

    Attributes:
        seconds: wall clock of the whole process.
        cpu_seconds: of the process and its children, all processors together; what else runs hardly changes it.
        peak_mb: what the process and its children had in memory together when that was most, in megabytes; what forked
            processes share counts once (Linux; else 0).
        code: the exit code, or None where time was up.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: int
    code: int | None


def need_ours() -> None:
    """End the program where the command is not there: better at once than as a table of failures.

    Raises:
        SystemExit: it is not; the message says where it was looked for.
    """
    if not Path(OURS).is_file():
        raise SystemExit(f"error: there is no {OURS} → install the project for this Python: pip install -e .")


def run(command: Sequence[str], timeout: float) -> Cost:
    """Run a command and watch it. After ``timeout`` seconds it is killed with all its children."""
    started, cpu = time.perf_counter(), _cpu_of_children()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True
    )
    most = peak = 0

    def watch() -> None:
        nonlocal most, peak
        while process.poll() is None:
            # To tell what is shared the kernel looks at every page: asked for only where there may be a new peak.
            if (resident := _memory(process.pid, _resident)) > most:
                most, peak = resident, max(peak, _memory(process.pid, _proportional))
            time.sleep(_SAMPLE_SECONDS)

    watcher = threading.Thread(target=watch)
    watcher.start()
    over = threading.Event()

    def end() -> None:
        over.set()
        _kill(process)

    timer = threading.Timer(timeout, end)
    timer.start()
    try:
        code = process.wait()  # told a time to wait for, it would look every 50 ms whether that has ended
        seconds = time.perf_counter() - started
    finally:
        timer.cancel()
        _kill(process)
        process.wait()
        watcher.join()
    return Cost(
        round(seconds, 3), round(_cpu_of_children() - cpu, 3), peak // 1_000_000, None if over.is_set() else code
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def filled(words: Sequence[str], sources: Sequence[Path], target: Path) -> list[str]:
    """A tool's command line: ``{in}`` stands for all sources, ``{out}`` for the target."""
    given: list[str] = []
    for word in words:
        given += [str(file) for file in sources] if word == "{in}" else [word.replace("{out}", str(target))]
    return given


def machine() -> str:
    """What the figures were measured on, in words."""
    return f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}"


def heading(command: str) -> list[str]:
    """How a table was made, and on what: the first lines of its Markdown."""
    return [f"`{command}`", "", f"{machine()}.", ""]


def write_table(path: Path, rows: Sequence[Any]) -> None:
    """Rows of one dataclass as tab-separated values."""
    with path.open("w", newline="") as table:
        writer = csv.writer(table, delimiter="\t", lineterminator="\n")
        writer.writerow(field.name for field in fields(rows[0]))
        writer.writerows(asdict(row).values() for row in rows)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory(pid: int, of_one: Callable[[str], int]) -> int:
    """Bytes of a process and all below it, by what one has (Linux; 0 elsewhere)."""
    try:
        own = of_one(f"/proc/{pid}")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, IndexError, ValueError):
        return 0
    return own + sum(_memory(int(child), of_one) for child in children)


def _resident(process: str) -> int:
    return int(Path(process, "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def _proportional(process: str) -> int:
    """Of a page that several processes share, each has its part."""
    rollup = Path(process, "smaps_rollup").read_text()
    return 1024 * int(rollup.partition("\nPss:")[2].split()[0])
