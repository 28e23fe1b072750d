"""Which files stand still: what is being written must not be read yet.

Told by looking again, on a clock that nobody sets: what a file says of its own time may lie in the past or the future.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO

from pdfsmaller import errors
from pdfsmaller.services.watch.folder import WatchedFolder, Writing
from pdfsmaller.sniff import HEAD_BYTES

#: How long size and time must have stood still, in seconds …
SETTLED_SECONDS = 5.0
#: … and of a file whose end is missing: whoever writes it may pause.
UNFINISHED_SECONDS = 60.0
#: A PDF ends with ``%%EOF``, behind which readers accept 1,024 bytes of anything (Annex H of PDF 1.7).
_TAIL_BYTES = 2_048


@dataclass(slots=True)
class _Sighting:
    writing: Writing
    since: float
    whole: bool | None = None  # nobody has looked yet


class Settling:
    """Since when each file of a folder is as it is.

    Args:
        clock: seconds, of which only differences count.
    """

    def __init__(self, folder: WatchedFolder, clock: Callable[[], float]) -> None:
        self._folder, self._clock = folder, clock
        self._seen: dict[str, _Sighting] = {}

    def look(self, files: Mapping[str, Writing]) -> None:
        """Take note of how all files stand now."""
        now = self._clock()
        self._seen = {
            name: known if (known := self._seen.get(name)) and known.writing == writing else _Sighting(writing, now)
            for name, writing in files.items()
        }

    def wait(self, name: str) -> float:
        """For how many seconds a file must still stand still, by the last look. 0 for one that may be read."""
        seen = self._seen.get(name)
        if seen is None:
            return 0.0
        still = self._clock() - seen.since
        if still < SETTLED_SECONDS:
            return SETTLED_SECONDS - still
        if seen.whole is None:
            seen.whole = self._is_whole(name, seen.writing)
        return 0.0 if seen.whole else max(0.0, UNFINISHED_SECONDS - still)

    def _is_whole(self, name: str, writing: Writing) -> bool:
        try:
            file = self._folder.open(name, writing)
            if file is None:
                return False
            with file:
                return looks_whole(name, writing.size, file)
        except errors.DocumentError:
            return True  # whoever reads it finds out why it cannot be read


def looks_whole(name: str, size: int, file: IO[bytes]) -> bool:
    """Whether nothing shows that a file's end is missing.

    Args:
        file: its bytes, from their start.
    """
    if not name.lower().endswith(".pdf") and b"%PDF-" not in file.read(HEAD_BYTES):
        return size > 0
    file.seek(max(0, size - _TAIL_BYTES))
    return b"%%EOF" in file.read(_TAIL_BYTES)
