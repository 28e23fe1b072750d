"""One engine process: what it is told, what it answers, and how it dies, however it was started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller import errors
from pdfsmaller.limits import Limits
from pdfsmaller.sandbox import starting
from pdfsmaller.sandbox.starting import take
from tests.sandbox.processes import children_of, open_files, runs

pytestmark = pytest.mark.usefixtures("way")


def test_the_child_knows_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/proc").exists():
        pytest.skip("needs /proc to look into the child's environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret-aws")
    monkeypatch.setenv("SECRET_KEY", "s3cret-ours")
    child = take()
    child._child.stdout.readline()  # it is as it will be
    try:
        environment = Path(f"/proc/{child.pid}/environ").read_bytes()
        command = Path(f"/proc/{child.pid}/cmdline").read_bytes()
    finally:
        child.close()
    assert b"s3cret" not in environment + command


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_DUMPABLE is Linux's")
def test_a_parent_of_engine_processes_hides_its_memory_and_environment() -> None:
    code = (
        "import ctypes; from pdfsmaller.sandbox import EngineProcess; EngineProcess().close();"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert shown.stdout == "0\n"


def test_what_a_failing_child_wrote_to_standard_error_is_logged(
    spec: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    spec |= {"entry": "pdfsmaller.engine.compress:no_such_entry"}
    with caplog.at_level("ERROR"), pytest.raises(errors.EngineFailed):
        take().run(spec, Limits(), None)
    assert "no_such_entry" in caplog.text


def test_a_child_that_dies_is_a_crash(spec: dict[str, Any]) -> None:
    child = take()
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(errors.WorkerCrashed, match="SIGKILL"):
        child.run(spec, Limits(), None)


def test_a_child_that_hangs_is_ended(spec: dict[str, Any]) -> None:
    child = take()
    os.kill(child.pid, signal.SIGSTOP)
    with pytest.raises(errors.LimitExceeded) as caught:
        child.run(spec, Limits(hard_seconds=0.3), None)
    assert caught.value.limit == "hard_seconds"
    assert not child.alive


def test_stages_that_are_soon_over_are_not_told_and_one_that_lasts_is(spec: dict[str, Any]) -> None:
    spec["entry"] = "tests.sandbox.entries:tell_much"
    told: list[tuple[str, float, tuple[int, int] | None]] = []
    with pytest.raises(errors.EngineFailed):
        take().run(spec, Limits(), lambda *progress: told.append(progress))
    assert told[0] == ("stage 0", 0, None)
    assert ("long", 50, (1, 2)) in told
    assert len(told) < 500


def test_what_the_progress_callback_raises_ends_the_child(spec: dict[str, Any]) -> None:
    def cancelled(*_: object) -> None:
        raise errors.LeaseLost("gone")

    child = take()
    with pytest.raises(errors.LeaseLost):
        child.run(spec, Limits(), cancelled)
    assert not child.alive


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("working", [False, True])
def test_no_child_outlives_its_parent(
    spec: dict[str, Any], way: str, working: bool, signal_number: signal.Signals
) -> None:
    spec["entry"] = "tests.sandbox.entries:wait"
    work = f"child._child.stdin.write({json.dumps(spec)!r} + chr(10)); child._child.stdin.flush(); time.sleep(0.5)"
    code = (
        "import os, time; from pdfsmaller import sandbox; from pdfsmaller.sandbox.starting import take;"
        f"{'sandbox.warm_up()' if way == 'forked' else 'pass'}; child = take(); child._child.stdout.readline();"
        f"{work if working else 'pass'}; print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    family = {child, _parent_of(child)} - {parent.pid}
    assert len(family) == (2 if way == "forked" else 1)
    parent.send_signal(signal_number)
    parent.wait()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(map(runs, family)):
        time.sleep(0.05)
    assert not any(map(runs, family))


def _parent_of(pid: int) -> int:
    shown = subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(shown.stdout)


def test_a_child_that_closes_everything_is_a_crash(spec: dict[str, Any]) -> None:
    spec["entry"] = "tests.sandbox.entries:close_everything"
    with pytest.raises(errors.WorkerCrashed):
        take().run(spec, Limits(), None)


@pytest.mark.parametrize(
    ("entry", "limits", "limit"),
    [
        ("use_memory", Limits(memory_bytes=500_000_000), "memory_bytes"),
        ("use_time", Limits(hard_seconds=1), "hard_seconds"),
    ],
)
def test_memory_and_time_are_bounded(spec: dict[str, Any], entry: str, limits: Limits, limit: str) -> None:
    if sys.platform == "darwin" and limit == "memory_bytes":
        pytest.skip("macOS ignores RLIMIT_AS; the watchdog there looks twice a second")
    spec |= {"entry": f"tests.sandbox.entries:{entry}", "limits": asdict(limits)}
    with pytest.raises(errors.LimitExceeded) as caught:
        take().run(spec, limits, None)
    assert caught.value.limit == limit


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_child_has_its_own_and_nothing_more(spec: dict[str, Any], target: Path) -> None:
    spec["entry"] = "tests.sandbox.entries:look"
    found = []
    for _ in range(2):
        with pytest.raises(errors.EngineFailed):
            take().run(spec, Limits(), None)
        found.append(json.loads((target.parent / "found.json").read_text()))
    first, second = found
    assert first["leads_its_session"]
    assert first["can_be_looked_into"]  # its caller measures its memory
    assert first["threads"] == 2  # one waits for the end of the caller
    for number, path in first["open_files"].items():  # pipes and files of its own, and what it may read
        assert int(number) <= 2 or path.startswith(("pipe:", "/proc/", "anon_inode:")), found
    assert not any("socket" in path for path in first["open_files"].values())
    assert all(one != other for one, other in zip(first["chance"], second["chance"], strict=True))


def test_processor_time_counts_from_the_child_s_own_start(spec: dict[str, Any], target: Path, way: str) -> None:
    if way == "fresh":
        pytest.skip("a fresh process has nobody else's time")
    spec["entry"] = "tests.sandbox.entries:look"
    with pytest.raises(errors.EngineFailed):
        take().run(spec, Limits(), None)
    assert json.loads((target.parent / "found.json").read_text())["cpu_seconds"] < 0.2


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
def test_many_jobs_leave_nothing_behind(spec: dict[str, Any], way: str) -> None:
    Path(spec["sources"][0]["path"]).write_bytes(b"")
    server = starting._ahead.server if way == "forked" else None

    def run(times: int) -> None:
        for _ in range(times):
            with pytest.raises(errors.EmptyFile):
                take().run(spec, Limits(), None)

    def counted() -> list[int]:
        own, servers = open_files(os.getpid()), open_files(server.pid) if server else 0
        return [own, servers, len(children_of(server.pid if server else os.getpid()))]

    run(2)
    before = counted()
    run(200 if way == "forked" else 5)
    deadline = time.monotonic() + 10
    while (after := counted()) != list(map(min, after, before)) and time.monotonic() < deadline:
        time.sleep(0.05)  # the server closes what the last one had
    assert after == list(map(min, after, before))


def test_many_at_once(spec: dict[str, Any]) -> None:
    Path(spec["sources"][0]["path"]).write_bytes(b"")

    def run(_: int) -> str:
        try:
            take().run(spec, Limits(), None)
        except errors.EmptyFile as exc:
            return exc.code
        return ""

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(run, range(16))) == {"empty_file"}
