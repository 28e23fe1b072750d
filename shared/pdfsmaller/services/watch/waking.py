"""Hears of changes in a folder as they happen. It saves waiting for the next look, and nothing depends on it: there are
file systems that tell nothing, and a system tells of so many folders only.
"""

from __future__ import annotations

import threading
from pathlib import Path

from watchfiles import watch

from pdfsmaller.services.watch.folder import is_ignored
from pdfsmaller.telemetry import get_logger

#: Changes within this many milliseconds are heard of together.
_STEP_MILLISECONDS = 500
#: How soon to listen again, in seconds: watchfiles stops at a name that is no UTF-8 …
_SOON_SECONDS = 1.0
#: … and where it cannot watch at all.
_LATER_SECONDS = 30.0


def listen(folder: Path, changed: threading.Event, stop: threading.Event) -> None:
    """Set ``changed`` whenever something may have changed in a folder, until ``stop`` is set."""
    while not stop.is_set():
        pause = _SOON_SECONDS
        try:
            for _ in watch(
                folder,
                watch_filter=lambda _, path: not is_ignored(Path(path).name),
                step=_STEP_MILLISECONDS,
                stop_event=stop,
                force_polling=False,
                ignore_permission_denied=True,
                raise_interrupt=False,
            ):
                changed.set()
        except OSError as exc:  # the folder is not there, or too many are watched (fs.inotify.max_user_watches)
            get_logger("watch").info("the folder is only looked at now and then", extra={"reason": str(exc)})
            pause = _LATER_SECONDS
        except Exception as exc:
            get_logger("watch").debug("listening begins anew", extra={"reason": str(exc)})
        changed.set()
        stop.wait(pause)
