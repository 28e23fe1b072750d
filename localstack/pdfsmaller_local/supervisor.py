"""``make local`` and ``make up``: one supervising process that starts a stack, watches it and stops all of it.

``up`` is ``local`` in the background: the same process, its output in a log, found again by its pid file.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import IO, Any

from pdfsmaller_local import emulator, processes, source_tree, web
from pdfsmaller_local.config import ROOT, Config
from pdfsmaller_local.problems import Problem
from pdfsmaller_local.stack import Stack

_UP_SECONDS = 900  # the first start installs the emulator
_DOWN_SECONDS = 40
_LOOK_SECONDS = 0.5


class _Stopped(BaseException):
    """A signal asked the supervisor to end. (No Exception, so that no handler on the way takes it for an error.)"""


def run(config: Config) -> None:
    """Run a stack in the foreground until it is told to stop.

    Raises:
        Problem: it cannot start, or a part of it ended.
    """
    with _only_one(config), _signals():
        stack = Stack(config)
        try:
            print("Starting PDF Smaller …", flush=True)
            begun = time.monotonic()
            stack.start()
            _running_file(config).write_text(
                json.dumps({"pid": os.getpid(), "url": config.public_url, "outputs": stack.outputs})
            )
            print(_greeting(config, stack, time.monotonic() - begun), flush=True)
            failure = _watch(stack)
            raise Problem(failure, f"The logs are in {config.logs}. Start again with make local.")
        except _Stopped:
            pass
        finally:
            # From here on a second Ctrl-C must not leave half of it running.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            print("\nStopping …", flush=True)
            _running_file(config).unlink(missing_ok=True)
            stack.stop()
            print("Stopped. Data stays; make reset deletes it.", flush=True)


def _watch(stack: Stack) -> str:
    """Wait until a part of the stack ends, and bring what changes in the source to it; why it ended."""
    deployed = seen = source_tree.state()
    while not (failure := stack.failure()):
        time.sleep(_LOOK_SECONDS)
        before, seen = seen, source_tree.state()
        if seen != before or seen == deployed:  # unchanged, or still being changed
            continue
        deployed, begun = seen, time.monotonic()
        try:
            stack.refresh()
            print(f"The source has changed: the functions have it after {time.monotonic() - begun:.1f} s.", flush=True)
        except Problem as exc:
            print(f"The source has changed, but the functions do not have it: {exc}", flush=True)
    return failure


def up(config: Config) -> None:
    """Start a stack in the background and return once it is healthy.

    Raises:
        Problem: it cannot start; what the foreground would have said.
    """
    # One that is still starting, or on its way out because a part of it died, is waited for.
    processes.wait_until(lambda: _is_well(config) or _supervisor(config) is None, _DOWN_SECONDS)
    if found := running(config):
        asked = (
            "" if found.get("url") == config.public_url else f", not at {config.public_url}: stop it first, make down"
        )
        print(f"Already running at {found.get('url', config.public_url)}{asked}")
        return
    config.logs.mkdir(parents=True, exist_ok=True)
    log = config.logs / "supervisor.log"
    with log.open("wb") as out:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "pdfsmaller_local", "local"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    processes.wait_until(lambda: running(config) or supervisor.poll() is not None, _UP_SECONDS)
    text = log.read_text(errors="replace").strip()
    if supervisor.poll() is not None:
        what, _, remedy = text.splitlines()[-1].removeprefix("error: ").partition(" → ")
        raise Problem(what, remedy or f"See {log}")
    print(text)


def down(config: Config) -> None:
    """Stop a stack that runs in the background (or in another terminal), and what a killed one left behind."""
    pid = _supervisor(config)
    if pid:
        os.kill(pid, signal.SIGTERM)
        if not processes.wait_until(lambda: not processes.is_running(pid), _DOWN_SECONDS):
            raise Problem(f"Process {pid} does not stop.", f"kill -9 {pid}, then make down.")
    leftovers = [processes.Child(name, config.state).stop_leftover(10) for name in ("web", "emulator")]
    print("Stopped." if pid or any(leftovers) else "Nothing was running.")


def reset(config: Config) -> None:
    """Delete what a stopped stack has stored.

    Raises:
        Problem: it runs.
    """
    if _supervisor(config):
        raise Problem("It is running.", "Stop it first: make down")
    emulator.choose(config).reset()
    print("Its data is deleted.")


def running(config: Config) -> dict[str, Any] | None:
    """What the supervisor wrote about itself once all was up, or None where none runs."""
    try:
        found: dict[str, Any] = json.loads(_running_file(config).read_text())
    except (OSError, ValueError):
        return None
    return found if processes.is_running(found["pid"]) else None


def _is_well(config: Config) -> bool:
    return running(config) is not None and web.is_healthy(config.port)


def status(config: Config) -> bool:
    """Print each part's state. True where all is well."""
    found = running(config)
    if not found:
        print("not running (make local starts it)")
        return False
    healthy = web.is_healthy(config.port)
    print(f"running   process {found['pid']}")
    print(f"service   {config.public_url}  {'healthy' if healthy else 'NOT healthy: see make logs'}")
    print(f"emulator  {config.emulator} on port {config.emulator_port}")
    for name, value in sorted(found["outputs"].items()):
        print(f"          {name} = {value}")
    return healthy


def follow_logs(config: Config) -> None:
    """Show the logs and what is added to them, until Ctrl-C."""
    files = sorted(config.logs.glob("*.log"))
    if not files:
        raise Problem("There are no logs yet.", "make local makes some.")
    os.execvp("tail", ["tail", "-n", "40", "-F", *map(str, files)])


def _running_file(config: Config) -> Path:
    return config.state / "run" / "stack.json"


@contextlib.contextmanager
def _only_one(config: Config) -> Iterator[None]:
    """Hold the state folder for this process. The lock ends with the process, however it ends."""
    path = _lock_file(config)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as lock:
        if not _try_lock(lock):
            raise Problem("It is already running.", f"Open {config.public_url}, or stop it with make down.")
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _supervisor(config: Config) -> int | None:
    """The process that holds the state folder, be it still starting or already stopping."""
    with contextlib.suppress(OSError, ValueError), _lock_file(config).open("r+") as lock:
        if not _try_lock(lock):
            return int(lock.read())
    return None


def _lock_file(config: Config) -> Path:
    return config.state / "run" / "lock"


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _greeting(config: Config, stack: Stack, seconds: float) -> str:
    steps = ", ".join(f"{name} {taken:.1f} s" for name, taken in stack.seconds.items())
    uploads, results = stack.outputs["UploadsBucketName"], stack.outputs["ResultsBucketName"]
    bucket = stack.emulator.endpoint.replace("127.0.0.1", "localhost")
    return f"""
PDF Smaller is running: {config.public_url}        ({seconds:.1f} s: {steps})

Try it with a PDF of yours:
  curl -L -F files=@your.pdf -F preset=ebook {config.public_url}/api/compress -o smaller.pdf
or drop one into the bucket and fetch the result under the same key:
  curl -T your.pdf {bucket}/{uploads}/inbox/your.pdf
  curl -f {bucket}/{results}/inbox/your.pdf -o smaller.pdf
(make drop FILE=your.pdf does both.)

Logs: {config.logs} (make logs). Ctrl-C or make down stops it; its data stays.
"""
