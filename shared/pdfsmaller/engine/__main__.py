"""The engine as a child process: ``python -m pdfsmaller.engine``.

Started ahead of its job, it loads its libraries, says ``{"ready": true}``, then reads one line of JSON from standard
input: ``{"operation", "sources": [{"path", "name"}], "target", "folder", "options": {…}, "limits": {…}}``; whatever it
writes but the target goes to ``folder``. It answers on standard
output, one JSON object a line: ``{"progress": {"stage", "percent"}}`` now and then, and at the end exactly one
``{"report": …}`` or ``{"error": …}``. Standard output carries nothing else: what libraries print goes to
standard error.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import IO, Any

from pdfsmaller.engine.disk import is_disk_full
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.memory import ran_out_of_memory
from pdfsmaller.engine.options import OPTIONS, ImageOptions, MergeOptions
from pdfsmaller.engine.report import CombinedReport, Report
from pdfsmaller.errors import DiskFull, EngineFailed, InvalidOption, LimitExceeded, PdfSmallerError, UnreadablePdf
from pdfsmaller.limits import Limits

# Progress lines are for people: more of them only cost.
PROGRESS_SECONDS = 0.2


class _Protocol:
    """Lines of JSON to the parent."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._last = 0.0

    def send(self, message: dict[str, Any]) -> None:
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()

    def progress(self, stage: str, percent: int) -> None:
        now = time.monotonic()
        if now - self._last >= PROGRESS_SECONDS:
            self._last = now
            self.send({"progress": {"stage": stage, "percent": percent}})

    def error(self, error: PdfSmallerError) -> None:
        body: dict[str, Any] = {"code": error.code, "message": error.message}
        if isinstance(error, LimitExceeded):
            body |= {"limit": error.limit, "allowed": error.allowed}
        if isinstance(error, InvalidOption):
            body |= {"field": error.field, "value": error.value, "allowed": error.allowed}
        self.send({"error": body})


def _bound_memory(limits: Limits) -> None:
    """Address space and core dumps. Systems that ignore or lack these limits have a watchdog in the parent."""
    try:
        import resource
    except ImportError:
        return
    for what, most in ((resource.RLIMIT_AS, limits.memory_bytes), (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(what, (most, most))
        except (ValueError, OSError):
            continue


def _keep_to(folder: str) -> None:
    """Temporary files, those of the C libraries too, go to the job's folder, which the parent removes."""
    tempfile.tempdir = os.environ["TMPDIR"] = folder


def _die_with_parent() -> None:
    """End this process when its caller is gone, which closes our standard input: nobody waits for the answer."""
    while os.read(0, 4096):
        pass
    os._exit(1)


def _own_stdout() -> IO[str]:
    """Standard output for the protocol alone; file descriptor 1 becomes standard error."""
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return own


def main() -> int:
    """Do one job. The exit code is 0 whenever an answer was given."""
    protocol = _Protocol(_own_stdout())
    import pikepdf  # noqa: F401
    import pypdfium2  # noqa: F401
    import pyvips  # noqa: F401

    import pdfsmaller.engine.compress  # noqa: F401 - every operation uses it

    protocol.send({"ready": True})
    line = sys.stdin.readline()
    if not line.strip():
        return 0
    threading.Thread(target=_die_with_parent, daemon=True).start()
    limits = Limits()
    try:
        spec = json.loads(line)
        limits = Limits(**spec.get("limits", {}))
        _bound_memory(limits)
        if folder := spec.get("folder"):
            _keep_to(folder)
        report = _do(spec, limits, protocol)
        protocol.send({"report": report.model_dump(mode="json")})
    except PdfSmallerError as exc:
        protocol.error(exc)
    except RecursionError:
        protocol.error(UnreadablePdf("The PDF is nested too deeply to be read."))
    except Exception as exc:  # the parent must get an answer whatever happens
        traceback.print_exc()
        if is_disk_full(exc):
            protocol.error(DiskFull("The disk is full. Try again later, or free space in the temporary folder."))
        elif ran_out_of_memory(exc):
            protocol.error(_out_of_memory(limits))
        else:
            protocol.error(EngineFailed("The engine met something in this PDF that it does not know."))
    return 0


def _do(spec: dict[str, Any], limits: Limits, protocol: _Protocol) -> Report | CombinedReport:
    """The job itself."""
    operation = spec["operation"]
    sources = [InputFile(Path(source["path"]), source["name"]) for source in spec["sources"]]
    target = Path(spec["target"])
    options = OPTIONS[operation].parse(spec.get("options") or {})
    if isinstance(options, MergeOptions):
        from pdfsmaller.engine.merge.merge import merge

        return merge(sources, target, options, limits=limits, progress=protocol.progress)
    if isinstance(options, ImageOptions):
        from pdfsmaller.engine.from_images.convert import images_to_pdf

        return images_to_pdf(sources, target, options, limits=limits, progress=protocol.progress)
    from pdfsmaller.engine.compress import compress

    return compress(sources[0].path, target, options, limits=limits, progress=protocol.progress)


def _out_of_memory(limits: Limits) -> LimitExceeded:
    return LimitExceeded(
        "memory_bytes",
        limits.memory_bytes,
        f"The PDF needs more than the {limits.memory_bytes:,} bytes of memory that a document may use.",
    )


if __name__ == "__main__":
    sys.exit(main())
