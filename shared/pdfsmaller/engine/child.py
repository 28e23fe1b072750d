"""One job in this process, which then ends: what a fresh process and a forked one do alike.

The process loads its libraries, says ``{"ready": true}``, then reads one line of JSON from standard input:
``{"entry", "options_class", "libraries": [name], "compares", "sources": [{"path", "name"}], "folder", "options": {…},
"limits": {…}}``, where ``entry`` and ``options_class`` are what to call and its options, each as ``module:name``, the
options are as their caller has checked them, and ``compares`` says that pages of the results are compared with those of
the sources, for which a second process may be worth it (``render.second_process``). It binds itself (``confinement``):
it can then read the sources and write to ``folder``, in which its results lie, and reach nothing else. It answers on
standard output, one JSON object a line: ``{"progress": {"stage", "percent"}}`` now and then (with
``"pages": [done, of]`` where these are counted), and at the end exactly one
``{"report": …, "files": [{"file", "name", "media_type"}]}`` (``file`` is a path in the folder) or ``{"error": …}``.
Standard output carries nothing else: what libraries print goes to standard error.

Which operations there are is its caller's business; the form of an entry stands in ``engine.results``.
"""

from __future__ import annotations

import _thread
import gc
import json
import math
import os
import select
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import replace
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from typing import IO, Any, NoReturn

from pdfsmaller.engine import libraries, memory
from pdfsmaller.engine.confinement import confine
from pdfsmaller.engine.disk import is_disk_full, is_over_file_size
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.render import second_process
from pdfsmaller.engine.report import Reported
from pdfsmaller.engine.results import Done
from pdfsmaller.errors import DiskFull, EngineFailed, LimitExceeded, PdfSmallerError, UnreadablePdf, to_wire
from pdfsmaller.limits import Limits

# Progress lines are for people: more of them only cost. Most stages of a small document are over sooner than that, and
# who reads a line of each, and looks at it, takes as long as some of them.
PROGRESS_SECONDS = 0.2


class _Protocol:
    """Lines of JSON to the parent, from any thread."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._last = -math.inf
        self._held: dict[str, Any] | None = None

    def send(self, message: dict[str, Any]) -> None:
        with self._lock:
            self._held = None  # what was to be told before is of no use after it
            self._write(message)

    def _write(self, message: dict[str, Any]) -> None:
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()

    def done(self, done: Done[Reported], folder: Path, bounds: list[str]) -> None:
        report = replace(done.report, bounds=bounds)
        files = [
            {"file": str(file.path.relative_to(folder)), "name": file.name, "media_type": file.media_type}
            for file in done.files
        ]
        self.send({"report": report.to_json(), "files": files})

    def progress(self, stage: str, percent: float, pages: tuple[int, int] | None = None, /) -> None:
        told: dict[str, Any] = {"stage": stage, "percent": round(percent, 3)}
        with self._lock:
            self._held = {"progress": told | ({"pages": pages} if pages else {})}
            self._tell_held()

    def tell_held(self) -> None:
        """Send the last progress, where it was too soon for that and is not any more."""
        with self._lock:
            self._tell_held()

    def _tell_held(self) -> None:
        now = time.monotonic()
        if self._held and now - self._last >= PROGRESS_SECONDS:
            self._write(self._held)
            self._last, self._held = now, None

    def error(self, error: PdfSmallerError) -> None:
        self.send({"error": to_wire(error)})


def _keep_to(folder: str) -> None:
    """Temporary files, those of the C libraries too, go to the job's folder, which the parent removes."""
    tempfile.tempdir = os.environ["TMPDIR"] = folder


def _stay_in_touch(protocol: _Protocol) -> None:
    """Tell what is held back once it is time, also in a stage that takes long without a word; and end this process when
    its caller is gone, which closes our standard input: nobody waits for the answer.
    """
    poll = select.poll()
    poll.register(0, select.POLLIN)
    while not poll.poll(PROGRESS_SECONDS * 1_000) or os.read(0, 4096):
        protocol.tell_held()
    os._exit(1)


def _own_stdout() -> IO[str]:
    """Standard output for the protocol alone; file descriptor 1 becomes standard error."""
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return own


def work() -> NoReturn:
    """Do one job and end the process. The exit code is 0 whenever an answer was given."""
    code = 1
    try:
        _work(_Protocol(_own_stdout()))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        # Taking the interpreter down would cost more than a small job, and the system takes everything back anyway.
        sys.stderr.flush()
        os._exit(code)


def _work(protocol: _Protocol) -> None:
    gc.disable()  # all that is loaded stays: to look through it for rubbish takes a fifth of the time
    libraries.load()
    protocol.send({"ready": True})
    gc.enable()
    line = sys.stdin.readline()
    if not line.strip():
        return
    limits = Limits()
    try:
        spec = json.loads(line)
        limits = Limits(**spec.get("limits", {}))
        sources = [InputFile(Path(source["path"]), source["name"]) for source in spec["sources"]]
        _keep_to(spec["folder"])
        entry, options_class = resolve_name(spec["entry"]), resolve_name(spec["options_class"])
        libraries.load_installed(spec["libraries"])
        paths = [source.path for source in sources]
        branches = spec["compares"] and second_process.is_worth_it(paths)
        branch = partial(second_process.begin, limits.memory_bytes) if branches else None
        bounds = confine(limits, sources=paths, folder=Path(spec["folder"]), branch=branch)
        # Not before: Landlock binds no thread that runs already. (``Thread.start`` would wait for ever for one that the
        # memory does not suffice for.)
        _thread.start_new_thread(_stay_in_touch, (protocol,))
        memory.begin()
        options = options_class(**spec["options"])  # its caller has checked them
        try:
            done: Done[Reported] = entry(
                sources, Path(spec["folder"]), options, limits=limits, progress=protocol.progress
            )
        finally:
            second_process.end()
        protocol.done(done, Path(spec["folder"]), bounds)
    except PdfSmallerError as exc:
        protocol.error(exc)
    except RecursionError:
        protocol.error(UnreadablePdf("The PDF is nested too deeply to be read."))
    except Exception as exc:  # the parent must get an answer whatever happens
        traceback.print_exc()
        if is_disk_full(exc):
            protocol.error(DiskFull("The disk is full. Try again later, or free space in the temporary folder."))
        elif is_over_file_size(exc):
            protocol.error(_file_too_large(limits))
        elif memory.ran_out_of_memory(exc):
            protocol.error(_out_of_memory(limits))
        else:
            protocol.error(EngineFailed("The engine met something in this PDF that it does not know."))


def _out_of_memory(limits: Limits) -> LimitExceeded:
    return LimitExceeded(
        "memory_bytes",
        limits.memory_bytes,
        f"The PDF needs more than the {limits.memory_bytes:,} bytes of memory that a document may use.",
    )


def _file_too_large(limits: Limits) -> LimitExceeded:
    return LimitExceeded(
        "max_file_bytes",
        limits.max_file_bytes,
        f"The PDF would need a file of more than the {limits.max_file_bytes:,} bytes that max_file_bytes allows. "
        "Split it.",
    )
