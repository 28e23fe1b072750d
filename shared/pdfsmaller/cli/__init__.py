"""The ``pdfsmaller`` command.

    pdfsmaller compress IN… (-o OUT | --output-dir DIR) [options]
    pdfsmaller merge IN[:RANGES]… -o OUT [options]
    pdfsmaller images IN… -o OUT [options]
    pdfsmaller inspect IN [--json]
    pdfsmaller serve [--host ADDRESS] [--port PORT] [--data DIR] [--workers N] [--open]
    pdfsmaller worker | cleanup [--data DIR]
    pdfsmaller doctor [--json] [--notify] [--data DIR]
    pdfsmaller remote compress | merge | … | status | download | cancel | delete | jobs | health [--server URL]

There is a command for each operation (``pdfsmaller.operations``), whose parameters are made from its options.

Results go to a temporary file beside the target and take its name when they are whole, so a run that is stopped
leaves the target as it was; a source may be the target. Reports go to standard output, everything else to standard
error: a progress bar (on a terminal only) and one line for each error. The engine runs in a child process, bounded in
memory, time, files and system calls.

Exit codes::

    0    every file was done (files that could not be made smaller are copied and count as done)
    1    something unexpected
    2    wrong usage, or an option or page range that is not valid
    3    not a PDF (or image), empty, or broken beyond repair
    4    a password is needed or wrong
    5    over a limit (pages, image sizes, memory, time)
    6    the target size is out of reach; the smallest file possible was written
    7    a file cannot be read or written
    8    ``doctor`` has warnings
    9    ``doctor`` has found what has failed
    130  stopped with Ctrl-C (129, 143: by SIGHUP, SIGTERM)

Where each input is a job of its own (``compress``), one that fails does not stop the others, and the code is that of
the first failure. ``merge`` and ``images`` end with the first that fails, unless ``--on-error skip`` leaves it out.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit with its code.

    Args:
        arguments: default: ``sys.argv[1:]``, and then this process ends here, with all that is registered for its end.
    """
    given = sys.argv[1:] if arguments is None else arguments
    gc.disable()  # all that is loaded stays: it is not looked through, now or when the process ends
    from pdfsmaller.errors import ExitCode

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup's wish
            signal.signal(number, _terminated)
    try:
        run = _reader(given)
        gc.freeze()
        gc.enable()
        code = run()
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    if arguments is None:
        _end(code)
    sys.exit(code)


def _end(code: int) -> None:
    """End this process, unless it has threads that are to be waited for. Taking the interpreter apart first would take
    a tenth of a small job's time.
    """
    if all(thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # its reader went away, or it was closed
                stream.flush()
        os._exit(code)


def _reader(given: list[str]) -> Callable[[], int]:
    """What runs such a command line."""
    from pdfsmaller.operations import OPERATIONS

    operation = next((one for one in OPERATIONS.values() if given[:1] == [one.command]), None)
    if operation:
        from pdfsmaller.cli import here, plain

        if read := plain.read(operation, given[1:]):
            return partial(here.run, operation, **read)
    from pdfsmaller.cli import app

    return partial(app.run, given)


def _terminated(signum: int, frame: FrameType | None) -> None:
    """End as an exception does: children are stopped, half files removed."""
    raise SystemExit(128 + signum)
