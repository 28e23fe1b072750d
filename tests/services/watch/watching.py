"""A watcher in a process of its own, which a test can kill: ``python -m tests.services.watch.watching INBOX RESULTS
MARKS``, in the world of its environment. Its clock is quick, so that files stand still soon.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from pdfsmaller.services.watch import WatchService
from pdfsmaller.settings import read_settings
from pdfsmaller.wire import wire

#: Seconds of the watcher in a real one.
HASTE = 20

if __name__ == "__main__":
    inbox, results, marks = map(Path, sys.argv[1:])
    world = wire(read_settings())
    WatchService(world, inbox, results, marks, clock=lambda: time.monotonic() * HASTE).run(threading.Event())
