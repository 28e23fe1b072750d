from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pdfsmaller.errors import CannotServe
from pdfsmaller.processes.log_file import LogFile
from tests.processes.served import environ

_LOGROTATE = shutil.which("logrotate", path="/usr/sbin:/usr/bin")


def files(path: Path) -> list[Path]:
    """The log and what it was changed for, the oldest first."""
    earlier = sorted(path.parent.glob(f"{path.name}.[0-9]*"), key=lambda one: -int(one.suffix[1:]))
    return [*earlier, path]


def test_a_full_file_is_changed_for_a_new_one_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "log" / "pdfsmaller.log"
    log = LogFile(path, 100, 2)
    for number in range(40):
        log.write(f"line {number:04}\n")
    assert [one.name for one in files(path)] == ["pdfsmaller.log.2", "pdfsmaller.log.1", "pdfsmaller.log"]
    assert all(one.stat().st_size <= 100 for one in files(path))
    assert "".join(one.read_text() for one in files(path)) == "".join(f"line {n:04}\n" for n in range(10, 40))


def test_a_line_longer_than_the_file_is_written_whole(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log", 10, 1)
    log.write("a" * 50 + "\n")
    log.write("b" * 50 + "\n")
    assert [one.read_text()[0] for one in files(tmp_path / "log")] == ["a", "b"]


def test_of_many_processes_and_threads_no_line_is_lost_or_torn(tmp_path: Path) -> None:
    path = tmp_path / "log"
    code = """
import sys, threading
from pathlib import Path
from pdfsmaller.processes.log_file import LogFile

log = LogFile(Path(sys.argv[1]), 20_000, 1_000)
def write(thread):
    for number in range(300):
        log.write(f"<{sys.argv[2]} {thread} {number} {'x' * (number % 90)}>\\n")
threads = [threading.Thread(target=write, args=(thread,)) for thread in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    command = [sys.executable, "-c", code, str(path)]
    writers = [subprocess.Popen([*command, str(number)], env=environ()) for number in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    lines = [line for one in files(path) for line in one.read_text().splitlines()]
    written = {f"<{p} {t} {n} {'x' * (n % 90)}>" for p in range(4) for t in range(3) for n in range(300)}
    assert len(lines) == len(written)
    assert set(lines) == written
    assert len(files(path)) > 5


def test_a_child_of_a_fork_can_write_whatever_the_parent_was_doing(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log", 0, 1)
    inside, may_end = threading.Event(), threading.Event()

    class Held(LogFile):
        def _follow(self) -> None:
            inside.set()
            may_end.wait(30)

    held = Held(tmp_path / "log", 0, 1)
    busy = threading.Thread(target=held.write, args=("parent\n",))
    busy.start()
    inside.wait(30)
    if (child := os.fork()) == 0:
        may_end.set()
        held.write("child\n")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    may_end.set()
    busy.join()
    log.write("end\n")
    assert (tmp_path / "log").read_text() == "child\nparent\nend\n"


@pytest.mark.skipif(not _LOGROTATE, reason="logrotate is not installed")
def test_what_logrotate_moves_is_left_for_a_new_one(tmp_path: Path) -> None:
    path, config = tmp_path / "pdfsmaller.log", tmp_path / "logrotate.conf"
    config.write_text(f"{path} {{\n  rotate 3\n  missingok\n  nocreate\n}}\n")
    config.chmod(0o644)
    log = LogFile(path, 0, 1)
    log.write("before\n")
    subprocess.run(
        [str(_LOGROTATE), "--force", "--state", str(tmp_path / "state"), str(config)], check=True, capture_output=True
    )
    log.write("after\n")
    assert [one.read_text() for one in files(path)] == ["before\n", "after\n"]


def test_a_file_that_cannot_be_written_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotServe, match=r"LOG_FILE .*/file/log cannot be written"):
        LogFile(tmp_path / "file" / "log", 0, 1)
