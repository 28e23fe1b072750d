"""Runs the engine in a child process, so that no document can take its caller down.

A PDF is untrusted input to large C and C++ libraries. The child gets its work on standard input, none of the
caller's credentials, and a bound on time. Before it opens a document it binds itself (``engine.confinement``): memory,
processor time, files, system calls. Where the system ignores the bound on memory, a watchdog here does not. One child
does one job and exits, so memory is given back and nothing of one document reaches the next. ``prepare()`` starts a
child ahead of its job: interpreter and libraries are then loaded already.

Lambda has no ``/dev/shm``, which rules out ``multiprocessing``; this is a plain ``subprocess`` with JSON lines.
"""

from __future__ import annotations

import atexit
import ctypes
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

from pdfsmaller import errors, workspace
from pdfsmaller.limits import Limits

if TYPE_CHECKING:  # models take a while to load; a child can be started before that
    from pdfsmaller.engine.inputs import InputFile
    from pdfsmaller.engine.options import CompressOptions, InspectOptions, Options
    from pdfsmaller.engine.report import BaseReport, Report
    from pdfsmaller.engine.results import Done, Progress, ResultFile
    from pdfsmaller.operations import OperationSpec

logger = logging.getLogger(__name__)

#: What the child may know of our environment. Everything else (AWS_*, SECRET_KEY …) stays here.
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")

_STDERR_TAIL_BYTES = 4_000
#: A report has a line for each of a hundred inputs or a thousand results, and nothing near this.
_LINE_MAX_CHARS = 50_000_000
_WATCHDOG_SECONDS = 0.5
_PR_SET_DUMPABLE = 4


class EngineProcess:
    """One child: starts at once, waits for its job, does it, exits."""

    def __init__(self) -> None:
        _hide_from_children()
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        # sys.path, not PYTHONPATH: Lambda's runtime adds its layers to the former only.
        env |= {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "MALLOC_ARENA_MAX": "2"}
        env["PYTHONSAFEPATH"] = "1"  # a json.py in the current folder is not ours
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

    def run(self, spec: dict[str, Any], limits: Limits, progress: Progress | None) -> dict[str, Any]:
        """Do the one job; the answer's JSON. See the module's ``run`` for what it raises."""
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
            while line := stdout.readline(_LINE_MAX_CHARS):
                message = _read(line)
                if "progress" in message:
                    if progress:
                        progress(str(message["progress"].get("stage")), _percent(message["progress"]))
                elif message:
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
            error_code = (answer or {}).get("error", {}).get("code")
            died = answer is None and self._why_killed is None
            self.close(log_level=logging.ERROR if died or error_code == errors.EngineFailed.code else logging.DEBUG)
        if answer and "report" in answer:
            bounds = answer["report"].get("bounds")
            _log_missing_bounds([str(bound) for bound in bounds] if isinstance(bounds, list) else [])
            return answer
        if answer:
            raise errors.from_wire(answer["error"])
        if self._process.returncode == -signal.SIGXCPU:
            raise _out_of_time(limits)
        raise self._why_killed or errors.WorkerCrashed(
            f"The engine's process ended without an answer ({_describe(self._process.returncode)})."
        )

    def close(self, *, log_level: int = logging.DEBUG) -> None:
        """End the child if it still runs, and log what it wrote to standard error."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        if not self._stderr.closed:
            size = self._stderr.seek(0, os.SEEK_END)
            self._stderr.seek(max(0, size - _STDERR_TAIL_BYTES))
            if output := self._stderr.read().decode("utf-8", "replace").strip():
                logger.log(log_level, "engine process: %s", output)
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
    operation: OperationSpec,
    sources: Sequence[InputFile],
    folder: Path,
    options: Options,
    limits: Limits,
    progress: Progress | None = None,
    *,
    stop: Callable[[EngineProcess], None] | None = None,
) -> Done[BaseReport]:
    """Do one job in a child process.

    Args:
        folder: the job's own, which its caller removes: results and temporary files go there.
        options: of the operation's own class.
        progress: called with the stage's name and 0–100; what it raises ends the child and is raised here.
        stop: called once with the running child, for a caller that may want to ``kill`` it from another thread.

    Raises:
        RequestError, DocumentError: what the engine found wrong with a document or the options.
        LimitExceeded: also for the memory and the time that ``limits`` allow.
        WorkerCrashed: the child died of something else.
        DiskFull: the job's folder cannot hold what the child wants to write.
    """
    spec = _spec(operation.entry, operation.libraries, sources, folder, options, limits)
    process = _take()
    if stop:
        stop(process)
    answer = process.run(spec, limits, progress)
    from pydantic import ValidationError

    from pdfsmaller.engine.results import Done

    try:
        report = operation.report.model_validate(answer["report"])
    except ValidationError:
        raise _unreadable() from None
    return Done(report, _results(operation, folder, answer["files"]))


def run_to(
    operation: OperationSpec,
    sources: Sequence[InputFile],
    target: Path,
    options: Options,
    limits: Limits,
    progress: Progress | None = None,
    *,
    stop: Callable[[EngineProcess], None] | None = None,
) -> BaseReport:
    """``run`` in a folder of its own, for an operation with one result, which takes the place of ``target``."""
    from pdfsmaller.engine.files import replace_file

    with workspace.job_folder() as folder:
        done = run(operation, sources, folder, options, limits, progress, stop=stop)
        (result,) = done.files
        replace_file(result.path, target)
    return done.report


def inspect(source: InputFile, options: InspectOptions, limits: Limits) -> dict[str, Any]:
    """Look into a PDF in a child process.

    Returns:
        The JSON of an ``engine.inspect.Inspection``, whose module takes long to load.

    Raises:
        As ``run``.
    """
    with workspace.job_folder() as folder:
        answer = _take().run(
            _spec("pdfsmaller.engine.inspect:run", (), [source], folder, options, limits), limits, None
        )
    report: dict[str, Any] = answer["report"]
    return report


def _spec(
    entry: str,
    libraries: Sequence[str],
    sources: Sequence[InputFile],
    folder: Path,
    options: Options,
    limits: Limits,
) -> dict[str, Any]:
    """What a child is told."""
    secret = {"password": options.secret.get_secret_value()} if options.secret else {}
    kind = type(options)
    return {
        "entry": entry,
        "options_class": f"{kind.__module__}:{kind.__qualname__}",
        "libraries": list(libraries),
        "sources": [{"path": str(source.path), "name": source.name} for source in sources],
        "folder": str(folder),
        "options": options.model_dump(mode="json") | secret,
        "limits": asdict(limits),
    }


def _results(operation: OperationSpec, folder: Path, files: list[dict[str, Any]]) -> tuple[ResultFile, ...]:
    """The results that a child names. A document may have taken it over: none lies outside of the folder, nor is of
    a kind that the operation does not make.

    Raises:
        EngineFailed: one does.
    """
    from pdfsmaller.engine.results import ResultFile

    results, home = [], folder.resolve()
    for file in files:
        if not all(isinstance(file.get(name), str) for name in ("file", "name", "media_type")) or "\0" in file["file"]:
            raise _unreadable()
        path = folder / file["file"]
        if path.is_symlink() or not path.is_file() or not path.resolve().is_relative_to(home):
            raise errors.EngineFailed("The engine named a result that is no file of its job.")
        if file["media_type"] not in operation.media_types:
            raise errors.EngineFailed("The engine named a result of a kind that its operation does not make.")
        results.append(ResultFile(path, file["name"], file["media_type"]))
    return tuple(results)


def run_compress(source: Path, target: Path, options: CompressOptions, limits: Limits, **how: Any) -> Report:
    """``run_to`` for one file to be compressed."""
    from pdfsmaller.engine.inputs import InputFile
    from pdfsmaller.engine.report import Report
    from pdfsmaller.operations import DEFAULT

    report = run_to(DEFAULT, [InputFile(source, source.name)], target, options, limits, **how)
    assert isinstance(report, Report)
    return report


def _read(line: str) -> dict[str, Any]:
    """One line of a child, which a document may have taken over; empty where it only says that it is ready.

    Raises:
        EngineFailed: it is not of the protocol's form (``engine.__main__``).
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise _unreadable() from None
    if not isinstance(message, dict):
        raise _unreadable()
    for name in ("progress", "report", "error"):
        if name in message and not isinstance(message[name], dict):
            raise _unreadable()
    files = message.get("files", [])
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        raise _unreadable()
    known = {name: message[name] for name in ("progress", "report", "error") if name in message}
    return known | ({"files": files} if "report" in known else {})


def _percent(progress: dict[str, Any]) -> int:
    percent = progress.get("percent")
    return min(100, max(0, percent)) if isinstance(percent, int) else 0


def _unreadable() -> errors.EngineFailed:
    return errors.EngineFailed("The engine's process gave an answer that cannot be read. The original is untouched.")


def _hide_from_children() -> None:
    """Keep this process's memory and environment from others of its user: they hold the credentials.

    Linux only (``PR_SET_DUMPABLE``); it does not bind root, and leaves no core dump.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


_missing_logged: set[str] = set()


def _log_missing_bounds(held: list[str]) -> None:
    """Say once of each bound that it does not hold here."""
    from pdfsmaller.engine.confinement import BOUNDS

    missing = set(BOUNDS) - set(held) - _missing_logged
    if missing:
        _missing_logged.update(missing)
        logger.info("This system does not bind engine processes by %s.", ", ".join(sorted(missing)))


def _out_of_time(limits: Limits) -> errors.LimitExceeded:
    return errors.LimitExceeded(
        "hard_seconds",
        limits.hard_seconds,
        f"The document took longer than the {limits.hard_seconds:g} seconds allowed for one file. "
        "Split it, or raise the time limit.",
    )


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
