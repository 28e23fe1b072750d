"""Runs the engine in a child process, so that no document can take its caller down.

A PDF is untrusted input to large C and C++ libraries. The child gets its work on standard input, none of the
caller's credentials, a bound on memory (set by the child itself: RLIMIT_AS; a watchdog here where the system ignores
that) and a bound on time. One child does one job and exits, so memory is given back and nothing of one document
reaches the next. ``prepare()`` starts a child ahead of its job: interpreter and libraries are then loaded already.

Lambda has no ``/dev/shm``, which rules out ``multiprocessing``; this is a plain ``subprocess`` with JSON lines.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pdfsmaller import errors
from pdfsmaller.limits import Limits

if TYPE_CHECKING:  # models take a while to load; a child can be started before that
    from pdfsmaller.engine.inputs import InputFile
    from pdfsmaller.engine.options import CompressOptions, Operation
    from pdfsmaller.engine.report import CombinedReport, Report

logger = logging.getLogger(__name__)

Progress = Callable[[str, int], None]

#: What the child may know of our environment. Everything else (AWS_*, SECRET_KEY …) stays here.
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")

_STDERR_TAIL_BYTES = 4_000
_WATCHDOG_SECONDS = 0.5


class EngineProcess:
    """One child: starts at once, waits for its job, does it, exits."""

    def __init__(self) -> None:
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        # sys.path, not PYTHONPATH: Lambda's runtime adds its layers to the former only.
        env |= {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "MALLOC_ARENA_MAX": "2"}
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pdfsmaller.engine"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=env,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for the caller to handle; the child dies with its standard input
        )
        self._why_killed: Exception | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self, why: Exception | None = None) -> None:
        """End the child now; ``run`` then raises ``why``."""
        if self.alive:
            self._why_killed = self._why_killed or why
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def run(self, spec: dict[str, Any], limits: Limits, progress: Progress | None) -> Report | CombinedReport:
        """Do the one job. See the module's ``run`` for what it raises."""
        timer = threading.Timer(limits.hard_seconds, self.kill, [_out_of_time(limits)])
        timer.daemon = True
        timer.start()
        watchdog = _start_memory_watchdog(self, limits)
        answer: dict[str, Any] | None = None
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            with suppress(BrokenPipeError):
                # Left open until the end: the child takes the end of its input for the end of its caller.
                stdin.write(json.dumps(spec) + "\n")
                stdin.flush()
            for line in stdout:
                message = json.loads(line)
                if "progress" in message and progress:
                    progress(message["progress"]["stage"], message["progress"]["percent"])
                elif "report" in message or "error" in message:
                    answer = message
                    break
        finally:
            timer.cancel()
            if watchdog:
                watchdog.set()
            crashed = answer is None and self._process.poll() is None and self._why_killed is None
            if crashed:
                with suppress(subprocess.TimeoutExpired):  # closed its output, about to exit
                    self._process.wait(1)
            self.close()
        if answer and "report" in answer:
            from pdfsmaller.engine.report import CombinedReport, Report

            kind = Report if spec["operation"] == "compress" else CombinedReport
            return kind.model_validate(answer["report"])
        if answer:
            raise _error_from(answer["error"])
        raise self._why_killed or errors.WorkerCrashed(
            f"The engine's process ended without an answer ({_describe(self._process.returncode)})."
        )

    def close(self) -> None:
        """End the child if it still runs, and log what it said on standard error."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        if not self._stderr.closed:
            size = self._stderr.seek(0, os.SEEK_END)
            self._stderr.seek(max(0, size - _STDERR_TAIL_BYTES))
            if said := self._stderr.read().decode("utf-8", "replace").strip():
                logger.debug("engine process: %s", said)
            self._stderr.close()


_spare: EngineProcess | None = None
_spare_lock = threading.Lock()


def prepare() -> None:
    """Start a child for the next job, unless one waits already."""
    global _spare
    with _spare_lock:
        if _spare is None or not _spare.alive:
            _spare = EngineProcess()


def _take() -> EngineProcess:
    global _spare
    with _spare_lock:
        process, _spare = _spare, None
    return process if process and process.alive else EngineProcess()


@atexit.register
def _close_spare() -> None:
    if _spare:
        _spare.close()


def run(
    operation: Operation,
    sources: Sequence[InputFile],
    target: Path,
    options: CompressOptions,
    limits: Limits,
    progress: Progress | None = None,
    *,
    stop: Callable[[EngineProcess], None] | None = None,
) -> Report | CombinedReport:
    """Do one job in a child process.

    Args:
        operation: what to do; ``compress`` takes exactly one source.
        options: of the operation's own class (``engine.options.OPTIONS``).
        progress: called with the stage's name and 0–100; what it raises ends the child and is raised here.
        stop: called once with the running child, for a caller that may want to ``kill`` it from another thread.

    Returns:
        A ``Report`` for ``compress``, a ``CombinedReport`` for the others.

    Raises:
        RequestError, DocumentError: what the engine found wrong with a document or the options.
        LimitExceeded: also for the memory and the time that ``limits`` allow.
        WorkerCrashed: the child died of something else.
    """
    password = options.password.get_secret_value() if options.password else None
    spec = {
        "operation": operation,
        "sources": [{"path": str(source.path), "name": source.name} for source in sources],
        "target": str(target),
        "options": options.model_dump(mode="json") | ({"password": password} if password is not None else {}),
        "limits": asdict(limits),
    }
    process = _take()
    if stop:
        stop(process)
    return process.run(spec, limits, progress)


def run_compress(source: Path, target: Path, options: CompressOptions, limits: Limits, **how: Any) -> Report:
    """``run`` for one file to be compressed."""
    from pdfsmaller.engine.inputs import InputFile
    from pdfsmaller.engine.report import Report

    report = run("compress", [InputFile(source, source.name)], target, options, limits, **how)
    assert isinstance(report, Report)
    return report


def _out_of_time(limits: Limits) -> errors.LimitExceeded:
    return errors.LimitExceeded(
        "hard_seconds",
        limits.hard_seconds,
        f"The document took longer than the {limits.hard_seconds:g} seconds allowed for one file. "
        "Split it, or raise the time limit.",
    )


def _error_from(answer: dict[str, Any]) -> Exception:
    """The typed error for what the child reported."""
    code, message = answer.get("code"), str(answer.get("message"))
    if code == errors.LimitExceeded.code:
        return errors.LimitExceeded(answer.get("limit", "unknown"), answer.get("allowed", 0), message)
    if code == errors.InvalidOption.code:
        return errors.InvalidOption(
            answer.get("field", "options"), answer.get("value"), answer.get("allowed", []), message
        )
    known = (
        errors.NotAPdf,
        errors.NotAnImage,
        errors.EmptyFile,
        errors.UnreadablePdf,
        errors.UnreadableImage,
        errors.InvalidPageRange,
        errors.PasswordRequired,
        errors.WrongPassword,
        errors.UnsupportedEncryption,
    )
    for kind in known:
        if kind.code == code:
            return kind(message)
    return errors.EngineFailed(message)


def _describe(returncode: int | None) -> str:
    if returncode is not None and returncode < 0:
        with suppress(ValueError):
            return signal.Signals(-returncode).name
    return f"exit code {returncode}"


def _start_memory_watchdog(process: EngineProcess, limits: Limits) -> threading.Event | None:
    """macOS ignores RLIMIT_AS: look at the child's resident size instead."""
    if sys.platform != "darwin":
        return None
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_WATCHDOG_SECONDS):
            shown = subprocess.run(["ps", "-o", "rss=", "-p", str(process.pid)], capture_output=True, text=True)
            if int(shown.stdout.strip() or 0) * 1024 > limits.memory_bytes:
                process.kill(
                    errors.LimitExceeded(
                        "memory_bytes",
                        limits.memory_bytes,
                        f"The document needs more than the {limits.memory_bytes:,} bytes of memory allowed.",
                    )
                )

    threading.Thread(target=watch, daemon=True).start()
    return done
